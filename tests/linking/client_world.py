"""A small world for scenarios: two incidents with a notification each that we sent, units, and a way from a
raw message to where the rules place it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from domain.business_units import BusinessUnit, UnitDirectory
from domain.incidents import Incident, IncidentStatus, OpenInterval
from domain.linking.decide_all import Decided, decide_all
from domain.linking.facts import MailFacts, facts_of
from domain.linking.incident_book import IncidentBook
from domain.mail import Mail
from domain.subject_token import make_token
from tests.support.parsed import parsed as parsed_message

KEY = b"k" * 32
TOKEN, OTHER_TOKEN = make_token("INC-1042", KEY), make_token("INC-7", KEY)
SENT, OTHER_SENT = "<n1.4f2a9c@corp.example>", "<n2.77b0e1@corp.example>"
FIN_ANSWER = "<a1@fin.example>"
AT = datetime(2026, 11, 3, 3, 0, tzinfo=UTC)
_OPENED = OpenInterval(datetime(2026, 11, 2, tzinfo=UTC))
_UNITS = (
    BusinessUnit("fin", "1", "Finance", domains=("fin.example",)),
    BusinessUnit("hr", "2", "People", domains=("*.hr.example", "hr.example")),
    BusinessUnit("law", "3", "Law", addresses=("law@partner.example",)),
)
_INCIDENTS = (
    Incident(
        "INC-1042", "Server", IncidentStatus.OPEN, AT, business_units=("fin",), open_intervals=(_OPENED,)
    ),
    Incident(
        "INC-7", "Phishing", IncidentStatus.OPEN, AT, business_units=("hr", "law"), open_intervals=(_OPENED,)
    ),
)
_SENT_MAILS = (
    (SENT, "soc@corp.example", "fin@fin.example", f"{TOKEN} Server down", "", "c-server"),
    (OTHER_SENT, "soc@corp.example", "hr@hr.example", f"{OTHER_TOKEN} Phishing", "", "c-phishing"),
    (FIN_ANSWER, "ann@fin.example", "soc@corp.example", f"Re: {TOKEN} Server down", SENT, "c-server"),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where the mail is and what it is marked with."""

    incident: str | None
    rule: str | None
    state: str | None
    verified: str
    kind: str


def parsed(raw: bytes, conversation: str | None = None) -> Mail:
    """The row of a raw message (LF line ends are made CRLF)."""
    lines = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return parsed_message(lines, units=UnitDirectory(_UNITS), received_at=AT, conversation_id=conversation)


def message(body: str = "Text.", **headers: str) -> bytes:
    """From Ann of Finance to us, with these header fields (`_` for `-`); an empty one is left out."""
    fields = {
        "From": "Ann <ann@fin.example>",
        "To": "soc@corp.example",
        "Subject": "Question",
        "Date": "Tue, 03 Nov 2026 02:59:00 +0000",
        "Message-ID": "<x@fin.example>",
        "Authentication-Results": "mx.corp.example; dmarc=pass",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
    return f"{head}\n{body}\n".encode("utf-8", "surrogateescape")


def place(raw: bytes, conversation: str | None = None) -> Outcome:
    """What the rules say of the mail in this world."""
    mails = [
        parsed(
            message(
                From=sender,
                To=to,
                Subject=subject,
                In_Reply_To=parent,
                Message_ID=name,
                Date="Tue, 03 Nov 2026 01:00 +0000",
            ),
            where,
        )
        for name, sender, to, subject, parent, where in _SENT_MAILS
    ]
    mail = parsed(raw, conversation)
    decided: Decided = decide_all([_facts(one) for one in (*mails, mail)], IncidentBook.of(_INCIDENTS))[
        mail.id
    ]
    link = decided.link
    return Outcome(
        link.incident_id if link else None,
        link.rule.value if link else None,
        link.state.value if link else None,
        decided.verified.value,
        mail.kind.value,
    )


def _facts(mail: Mail) -> MailFacts:
    return facts_of(mail, None, units=UnitDirectory(_UNITS), authserv_id="mx.corp.example", token_keys=(KEY,))
