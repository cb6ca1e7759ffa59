"""The area's routers, for the composition root. Fixed paths come before those with a mail's id."""

from __future__ import annotations

from incident_mails import export_routes, incidents, tab_mail_routes, tab_routes, triage

ROUTERS = (
    incidents.router,
    tab_routes.router,
    export_routes.router,
    tab_mail_routes.router,
    triage.router,
)
