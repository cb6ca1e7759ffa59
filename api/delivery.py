"""What the tab shows beside a mail that changes without the mail: its delivery, and who is answering it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from api.models import rfc3339
from api.services import Services
from domain.identity import sent_identity
from domain.mail import Direction, Mail
from domain.outbox import OutboxEntry, OutboxState
from domain.remedies import remedy_for

_NEWEST = 50
_MAX_INCIDENTS = 10


class Besides:
    """For the mails of a tab. Two queries an incident, and a point read for each older mail that we sent."""

    def __init__(self, services: Services, incident_ids: Sequence[str]) -> None:
        self._services = services
        self._entries: dict[str, OutboxEntry] = {}
        self._answering: dict[str, list[str]] = {}
        now = services.clock.now()
        for incident_id in incident_ids[:_MAX_INCIDENTS]:
            entries, _ = services.outbox.of_incident(incident_id, limit=_NEWEST, cursor=None)
            self._entries |= {sent_identity(one.mailbox_id, one.id) or "": one for one in entries}
            for presence in services.presence.of_incident(incident_id, now):
                self._answering.setdefault(presence.mail_id, []).append(presence.name)

    @property
    def tag(self) -> str:
        """Moves when anything of it does."""
        told = [[(key, delivery_json(one)) for key, one in self._entries.items()], self._answering]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def of(self, mail: Mail) -> dict[str, object]:
        """`delivery` of a mail that we sent from here, else null; `answering`: names of colleagues."""
        entry = self._entry(mail) if mail.direction is Direction.OUTGOING else None
        return {
            "delivery": {"reply": entry.id, **delivery_json(entry)} if entry else None,
            "answering": self._answering.get(mail.id, []),
        }

    def _entry(self, mail: Mail) -> OutboxEntry | None:
        if mail.id in self._entries:
            return self._entries[mail.id]
        stored = self._services.outbox.read(mail.id.rpartition(".")[2])
        return stored.value if stored else None


def delivery_json(entry: OutboxEntry) -> dict[str, object]:
    """What the tab shows of it beside the mail. `nextTryAt`: when something is done about it by itself."""
    return {
        "state": entry.state.value,
        "held": entry.held,
        "nextTryAt": rfc3339(entry.next_work_at),
        "sentAt": rfc3339(entry.sent_at),
        "error": _error(entry),
        "outcomes": [
            {
                "address": one.address,
                "state": one.state.value,
                "code": one.code or None,
                "detail": one.detail or None,
            }
            for one in entry.outcomes
        ],
    }


def _error(entry: OutboxEntry) -> dict[str, object] | None:
    if not entry.error_code or entry.state in (OutboxState.SENT, OutboxState.CANCELLED):
        return None
    remedy = remedy_for(entry.error_code, entry.error_detail)
    return {
        "code": entry.error_code,
        "title": remedy.title,
        "detail": remedy.detail,
        "remedy": remedy.remedy,
        "whoCanAct": remedy.who.value,
        "serverMessage": entry.error_detail or None,
    }
