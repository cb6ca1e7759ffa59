"""Puts raw messages into the stores as a poll would."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from domain.business_units import BusinessUnit, UnitDirectory
from domain.mail import Mail, Problem
from domain.mime.message import MailContext, mail_from_envelope
from domain.server_items import Envelope, ItemSummary
from domain.stored import Activity
from linking.context import INCIDENT_CHANGED_QUEUE, link_context
from linking.link_mails import link_mails
from linking.messages import read_changed
from linking.relink import relink
from mailbox_poll.receive import receive_message
from tests.api.http_app import HttpApp

RECEIVED_AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FINANCE = BusinessUnit("bu-fin", "u1", "Finance", domains=("fin.example",))
HR = BusinessUnit("bu-hr", "u2", "HR", domains=("hr.example",))
UNITS = UnitDirectory([FINANCE, HR])
CONTEXT = MailContext("default", "soc@corp.example", UNITS)


def store_message(app: HttpApp, raw: bytes, *, minutes: int = 0) -> Mail:
    """`minutes`: received so long after nine o'clock."""
    summary = ItemSummary("item", RECEIVED_AT + timedelta(minutes=minutes), size_bytes=len(raw))
    mail = receive_message(app.services.raw, iter([raw]), summary, CONTEXT)
    return _stored(app, mail)


def store_unreadable(app: HttpApp, code: str) -> Mail:
    """A mail of which only the envelope could be had."""
    summary = ItemSummary("item", RECEIVED_AT, sender="ann@fin.example", sender_name="Ann", subject="Lost")
    problem = Problem(code, "The mail vanished before it could be fetched.")
    return _stored(app, mail_from_envelope(Envelope(summary, to=("soc@corp.example",)), CONTEXT, problem))


def store_units(app: HttpApp) -> None:
    """The units, where they are not there yet."""
    for unit in (FINANCE, HR):
        if app.services.units.read(unit.id) is None:
            entry = Activity(RECEIVED_AT, "admin@corp.example", None, "created", "unit", None, None)
            app.services.units.save(unit, None, entry)


def relink_all(app: HttpApp) -> None:
    """Does the work that changes have queued, as `incident_changed` does."""
    messages = [body for queue, body in app.queue.sent if queue == INCIDENT_CHANGED_QUEUE]
    app.queue.sent[:] = [one for one in app.queue.sent if one[0] != INCIDENT_CHANGED_QUEUE]
    for body in messages:
        relink(link_context(app.services), read_changed(json.dumps(body)))


def _stored(app: HttpApp, mail: Mail) -> Mail:
    store_units(app)
    [stored] = app.services.mails.put([mail])
    app.services.mails.put_references([stored])
    link_mails(link_context(app.services), [stored])
    return stored


def message(content_type: str, body: bytes, **headers: str) -> bytes:
    """A message with one body part."""
    fields = {
        "From": "Ann <ann@fin.example>",
        "To": "soc@corp.example",
        "Subject": "Hello",
        "Message-ID": "<1@fin.example>",
        "Content-Type": content_type,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return head.encode() + b"\r\n" + body


def with_parts(*parts: tuple[str, bytes], subtype: str = "mixed") -> bytes:
    """A multipart message: header lines and body of each part."""
    body = b"".join(f"--b\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts)
    return message(f"multipart/{subtype}; boundary=b", body + b"--b--\r\n")
