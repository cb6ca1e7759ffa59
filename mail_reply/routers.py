"""The area's routers, for the composition root. Fixed paths come before those with a reply's id."""

from __future__ import annotations

from mail_reply import answering, draft_routes, notifications, replies, reply_actions

ROUTERS = (answering.router, draft_routes.router, notifications.router, replies.router, reply_actions.router)
