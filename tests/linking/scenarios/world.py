"""What is known when a scenario's mail arrives: units, incidents, mails that we sent and an answer.

Finance and Human Resources have one open incident each, Sales has two, so that nothing but evidence can place
its mail; Operations' incident is closed, Legal has none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.business_units import BusinessUnit, UnitDirectory
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.linking.decide_all import decide_all
from domain.linking.facts import facts_of
from domain.linking.incident_book import IncidentBook
from domain.links import LinkState, SenderVerified
from domain.mail import Mail, MailKind
from domain.subject_token import make_token
from tests.support.parsed import RECEIVED, parsed

KEY = b"k" * 32
FIN, HR, SALES, SALES_TOO, CLOSED, MERGED = (
    "INC-1042",
    "INC-1043",
    "INC-1044",
    "INC-1045",
    "INC-900",
    "INC-1046",
)
LATER, MUCH_LATER, UNTRIAGED = "INC-1050", "INC-1051", "INC-1052"
TOKEN = {one: make_token(one, KEY) for one in (FIN, HR, SALES, SALES_TOO, CLOSED, MERGED, "INC-7777")}
SENT = {
    one: f"{number:024x}@corp.example" for number, one in enumerate((FIN, HR, SALES, SALES_TOO, CLOSED), 1)
}
"""Message-ID of each incident's notification."""
ANSWERED = "answer-1@sales.example"
"""Message-ID of Sam's first answer to the notification of `SALES`, which is stored."""
TRIAGE = "triage"

UNITS = UnitDirectory(
    [
        BusinessUnit("fin", "fin", "Finance", domains=("fin.example",)),
        BusinessUnit(
            "hr", "hr", "Human Resources", domains=("*.hr.example",), addresses=("lead@people.example",)
        ),
        BusinessUnit("sales", "sales", "Sales", domains=("sales.example", "b\u00fccher.example")),
        *(
            BusinessUnit(one, one, one, domains=(f"{one}.example",))
            for one in ("ops", "legal", "lab", "yard", "plant")
        ),
    ]
)


def _incident(
    identifier: str,
    unit: str,
    status: IncidentStatus = IncidentStatus.OPEN,
    *,
    opened: timedelta = timedelta(days=-2),
    closed: timedelta | None = None,
    merged_into: str | None = None,
) -> Incident:
    opened_at = RECEIVED + opened
    interval = OpenInterval(opened_at, RECEIVED + closed if closed is not None else None)
    return Incident(
        identifier, "Title", status, opened_at, business_units=(unit,), merged_into=merged_into,
        open_intervals=(interval,),
    )  # fmt: skip


BOOK = IncidentBook.of(
    [
        _incident(FIN, "fin"),
        _incident(HR, "hr"),
        _incident(SALES, "sales"),
        _incident(SALES_TOO, "sales"),
        _incident(
            CLOSED, "ops", IncidentStatus.CLOSED, opened=timedelta(days=-40), closed=timedelta(days=-30)
        ),
        _incident(MERGED, "fin", IncidentStatus.MERGED, closed=timedelta(days=-1), merged_into=FIN),
        _incident(LATER, "lab", opened=timedelta(hours=71)),
        _incident(MUCH_LATER, "yard", opened=timedelta(hours=73)),
        _incident(UNTRIAGED, "plant", IncidentStatus.UNTRIAGED),
    ]
)


def _sent(incident: str, to: str) -> Mail:
    raw = (
        f"From: SOC <soc@corp.example>\nTo: {to}\nSubject: {TOKEN[incident]} Strange login\n"
        f"Message-ID: <{SENT[incident]}>\nDate: Tue, 24 Nov 2026 08:00:00 +0000\n\nPlease check.\n"
    )
    number = list(SENT).index(incident) + 1
    return parsed(
        raw.encode(), units=UNITS, received_at=RECEIVED - timedelta(hours=1), send_id=f"{number:032x}",
        conversation_id=f"conversation {incident}",
    )  # fmt: skip


STORED = (
    _sent(FIN, "eve@fin.example"),
    _sent(HR, "lead@people.example"),
    _sent(SALES, "sam@sales.example, Pat <pat@partner.example>"),
    _sent(SALES_TOO, "sue@sales.example"),
    _sent(CLOSED, "olga@ops.example"),
    parsed(
        f"From: Sam <sam@sales.example>\nTo: soc@corp.example\nSubject: RE: {TOKEN[SALES]} Strange login\n"
        f"Message-ID: <{ANSWERED}>\nIn-Reply-To: <{SENT[SALES]}>\n\nIt was me.\n".encode(),
        units=UNITS,
    ),
)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A mail as it arrives. `place`: the incident whose tab shows it and the rule, or `TRIAGE`; `marks`: what
    an analyst must see on it besides its kind."""

    name: str
    raw: bytes
    place: str
    marks: frozenset[str] = frozenset()
    kind: MailKind = MailKind.MAIL
    conversation: str | None = None
    item_class: str = "IPM.Note"
    received_at: datetime = RECEIVED
    others: tuple[bytes, ...] = ()
    """Raw messages that are stored too, in the same conversation."""


def scenario(
    name: str,
    raw: bytes,
    place: str,
    *marks: str,
    kind: MailKind = MailKind.MAIL,
    conversation: str | None = None,
    item_class: str = "IPM.Note",
    others: tuple[bytes, ...] = (),
) -> Scenario:
    """`marks`: `unverifiedSender`, `suggested`, `contradicted`."""
    return Scenario(name, raw, place, frozenset(marks), kind, conversation, item_class, RECEIVED, others)


def mail(
    subject: str,
    *fields: str,
    sender: str = "Sam Reed <sam@sales.example>",
    to: str = "SOC <soc@corp.example>",
    text: str = "Hello,\n\nit was me.\n",
    content_type: str = "text/plain; charset=utf-8",
    seen: str = "mx.corp.example; dmarc=pass header.from=example",
    message_id: str = "<new@client.example>",
) -> bytes:
    """A raw message. `fields`: further header lines. `seen`: what the mailbox's own server found out about
    the sender; empty: nothing."""
    head = [f"Authentication-Results: {seen}"] if seen else []
    head += [f"From: {sender}", f"To: {to}", f"Subject: {subject}", "Date: Tue, 24 Nov 2026 08:59:00 +0000"]
    head += [f"Message-ID: {message_id}"] if message_id else []
    head += [*fields, "MIME-Version: 1.0", f"Content-Type: {content_type}"]
    return ("\n".join(head) + "\n\n" + text).encode("utf-8", "surrogateescape")


def outcome(one: Scenario) -> tuple[str, frozenset[str], MailKind]:
    """Where the mail lands, from its bytes: the place, the marks, the kind."""
    arrived = parsed(
        one.raw,
        units=UNITS,
        received_at=one.received_at,
        conversation_id=one.conversation,
        item_class=one.item_class,
    )
    others = [parsed(raw, units=UNITS, conversation_id=one.conversation) for raw in one.others]
    facts = [
        facts_of(each, None, units=UNITS, authserv_id="mx.corp.example", token_keys=(KEY,))
        for each in (*STORED, *others, arrived)
    ]
    decided = decide_all(facts, BOOK)[arrived.id]
    marks = {"unverifiedSender"} if decided.verified is SenderVerified.NO else set()
    if decided.link is None:
        return TRIAGE, frozenset(marks), arrived.kind
    if decided.link.state is LinkState.SUGGESTED:
        marks.add("suggested")
    if decided.link.evidence.contradicted_by:
        marks.add("contradicted")
    place = f"{BOOK.root(decided.link.incident_id)} {decided.link.rule.value}"
    return place, frozenset(marks), arrived.kind
