"""The area's routers, for the composition root."""

from __future__ import annotations

from config_api import business_units, folders, mailboxes, status

ROUTERS = (mailboxes.router, folders.router, status.router, business_units.router)
