"""The area's routers, for the composition root."""

from __future__ import annotations

from incident_mails import triage

ROUTERS = (triage.router,)
