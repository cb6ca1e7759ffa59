"""Writes docs/permissions.md from the routes. Written whole: a crash leaves the old page."""

import sys
from pathlib import Path

import config_api.routers
import incident_mails.routers
import mail_reply.routers
import web.routers
from api.permission_table import listed_routes, permission_page
from api.system import router as system_router

PAGE = Path(__file__).resolve().parent.parent / "docs" / "permissions.md"


def page() -> str:
    """The page as the routes say it now."""
    areas = (
        *config_api.routers.ROUTERS,
        *incident_mails.routers.ROUTERS,
        *mail_reply.routers.ROUTERS,
        *web.routers.ROUTERS,
    )
    return permission_page(listed_routes((system_router, *areas)))


def main() -> int:
    """Writes the page."""
    new = PAGE.with_suffix(".new")
    new.write_text(page(), encoding="utf-8")
    new.replace(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
