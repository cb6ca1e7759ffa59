"""An incident with a mail of Finance in it, and an analyst who answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from domain.mail import Mail
from domain.mailboxes import MailboxSettings
from domain.outbox import OutboxEntry
from domain.outbox_moves import claim, confirm, lose_sight, refuse, submit
from domain.stored import Activity
from tests.api.http_app import Answer, HttpApp
from tests.incident_mails.stored import RECEIVED_AT
from tests.incident_mails.test_tab import mail_with_token, put

INCIDENT = "INC-77"
REPLIES = f"/api/incidents/{INCIDENT}/replies"
QUEUE = "mail-delivery"


def ready(app: HttpApp) -> Mail:
    """A mailbox that is on, an incident of Finance, and the mail that is answered."""
    save_mailbox(app)
    put(app, INCIDENT, "bu-fin")
    mail = mail_with_token(app, INCIDENT)
    app.queue.sent.clear()
    return mail


def save_mailbox(app: HttpApp, *, enabled: bool = True, authserv_id: str | None = None) -> None:
    settings = MailboxSettings(
        "default",
        "c1",
        "soc@corp.example",
        "mail.corp.example",
        "app",
        "tenant",
        enabled=enabled,
        authserv_id=authserv_id,
    )
    entry = Activity(RECEIVED_AT, "admin@corp.example", None, "changed", "mailbox", None, None)
    stored = app.services.mailboxes.read_settings("default")
    app.services.mailboxes.save_settings(settings, stored.etag if stored else None, entry)


def post(
    app: HttpApp,
    body: dict[str, Any],
    *,
    key: str | None = "key-1",
    role: str = "analyst",
    path: str = REPLIES,
    headers: dict[str, str] | None = None,
) -> Answer:
    sent = {"Idempotency-Key": key} if key is not None else {}
    answer = app.call("POST", path, body, role=role, headers=sent | (headers or {}))
    return answer


def reply_to(mail: Mail, **fields: Any) -> dict[str, Any]:
    return {"inReplyTo": mail.id, "mode": "reply", "text": "We look into it.", **fields}


def act(app: HttpApp, reply_id: str, action: str, body: object = None) -> Answer:
    return app.call("POST", f"{REPLIES}/{reply_id}/{action}", body, role="analyst")


def delivered(app: HttpApp) -> list[str]:
    """Entry ids that were queued for delivery."""
    return [str(body["entryId"]) for queue, body in app.queue.sent if queue == QUEUE]


def move(app: HttpApp, reply_id: str, *, to: str) -> OutboxEntry:
    """Brings an entry that was just queued where a deliverer would."""
    outbox, now = app.services.outbox, app.clock.now()
    stored = outbox.read(reply_id)
    assert stored is not None
    entry = claim(stored.value, "claim", now)
    if to == "failed":
        entry = refuse(entry, now, "ErrorSendAsDenied", "no")
    else:
        entry = submit(_as_smtp(entry), now)
        if to == "sent":
            entry = confirm(entry, now, sent_at=now)
        elif to == "unconfirmed":
            entry = lose_sight(entry, now, "AnswerLost")
    return outbox.save(entry, stored.etag).value


def _as_smtp(entry: OutboxEntry) -> OutboxEntry:
    return replace(entry, via="smtp")
