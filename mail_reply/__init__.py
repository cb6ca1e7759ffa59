"""Replies and notifications: the outbox and its delivery."""
