"""The area's routers, for the composition root."""

from __future__ import annotations

from web import pages

ROUTERS = (pages.router,)
