"""Who was told about an incident, what became of the mail, who has answered, and after how long."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median

from api.models import rfc3339
from api.services import Services
from domain.business_units import BusinessUnit
from domain.configuration import MAX_FOLLOW_UPS, NotificationProcess
from domain.incidents import Incident
from domain.outbox import OutboxEntry
from mail_reply.notify import follow_up_name, is_open, notification_id, process_of
from mail_reply.process import answered_at
from mail_reply.reply_json import reply_json


def timeline_json(
    services: Services, incident: Incident, incident_ids: Sequence[str], units: Sequence[BusinessUnit]
) -> dict[str, object]:
    """One item for each impacted unit. Times of the summary count from the incident's creation here, and
    from the primary notification for answers; medians are of those that there are."""
    process = process_of(services)
    items = [_unit(services, process, incident, incident_ids, unit) for unit in units]
    told = [one for one in items if one["sentAt"] is not None]
    delays = [one["notifiedAfterSeconds"] for one in told]
    answers = [one["answeredAfterSeconds"] for one in items if one["answeredAfterSeconds"] is not None]
    return {
        "items": items,
        "nextCursor": None,
        "enabled": process.enabled,
        "summary": {
            "units": len(items),
            "notified": len(told),
            "answered": len(answers),
            "medianNotifiedAfterSeconds": _median(delays),
            "medianAnsweredAfterSeconds": _median(answers),
        },
    }


def _unit(
    services: Services,
    process: NotificationProcess,
    incident: Incident,
    incident_ids: Sequence[str],
    unit: BusinessUnit,
) -> dict[str, object]:
    primary = _read(services, incident, unit, "primary")
    follow_ups: list[OutboxEntry] = []
    if primary is not None:
        for number in range(1, MAX_FOLLOW_UPS + 1):
            entry = _read(services, incident, unit, follow_up_name(number))
            if entry is None:
                break
            follow_ups.append(entry)
    answered = answered_at(services, incident_ids, unit.id, primary.created_at) if primary else None
    sent_at = primary.sent_at if primary else None
    return {
        "id": unit.id,
        "businessUnit": unit.id,
        "name": unit.name,
        "recipients": list(unit.recipients),
        "primary": reply_json(primary) if primary else None,
        "followUps": [reply_json(one) for one in follow_ups],
        "sentAt": rfc3339(sent_at),
        "notifiedAfterSeconds": _seconds(sent_at, incident.created_at),
        "answeredAt": rfc3339(answered),
        "answeredAfterSeconds": _seconds(answered, primary.created_at if primary else None),
        "nextFollowUpAt": rfc3339(
            _next(process, incident, primary, len(follow_ups), is_answered=answered is not None)
        ),
    }


def _next(
    process: NotificationProcess,
    incident: Incident,
    primary: OutboxEntry | None,
    sent: int,
    *,
    is_answered: bool,
) -> datetime | None:
    if primary is None or not process.enabled or not is_open(incident):
        return None
    if sent >= len(process.follow_up_after_hours) or (is_answered and process.stop_when_answered):
        return None
    return primary.created_at + timedelta(hours=process.follow_up_after_hours[sent])


def _read(services: Services, incident: Incident, unit: BusinessUnit, which: str) -> OutboxEntry | None:
    stored = services.outbox.read(notification_id(incident.id, unit.id, which))
    return stored.value if stored else None


def _seconds(at: datetime | None, since: datetime | None) -> int | None:
    return int((at - since).total_seconds()) if at is not None and since is not None else None


def _median(seconds: Sequence[object]) -> float | None:
    numbers = [one for one in seconds if isinstance(one, int)]
    return median(numbers) if numbers else None
