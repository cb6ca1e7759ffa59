"""The area's routers, for the composition root. Fixed paths come before those with a reply's id."""

from __future__ import annotations

from mail_reply import replies, reply_actions

ROUTERS = (replies.router, reply_actions.router)
