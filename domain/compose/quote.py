"""The original below an answer or in a forward, and the signature: as HTML and as text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from domain.compose.html_text import html_to_plain
from domain.compose.recipients import shown_name
from domain.mail import Address, Mail

MAX_QUOTED_HTML_CHARS = 2_000_000
MAX_QUOTED_TEXT_CHARS = 500_000
"""Escaped as HTML it still fits into a body."""
_MAX_NAMED = 50
_CUT = "[…]"
_QUOTE_STYLE = "margin:0 0 0 0.8ex;border-left:1px solid #cccccc;padding-left:1ex"
_FORWARDED = "---------- Forwarded message ----------"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Original:
    """The mail that is answered. `html` is its sanitised body with `cid:` kept, `text` its text body; one
    may be empty. HTML over two million characters is quoted as its text."""

    mail: Mail
    html: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Bodies:
    """Both forms of one piece of a message; `html` is a fragment."""

    html: str
    text: str


def quoted(original: Original) -> Bodies:
    """`On …, … wrote:` and the original, marked as a quotation."""
    mail = original.mail
    who = _person(mail.sender) if mail.sender else "somebody"
    line = f"On {_when(mail.sent_at or mail.received_at)}, {who} wrote:"
    bodies = _bodies(original)
    html = (
        f'<div><p>{escape(line)}</p>\n<blockquote type="cite" style="{_QUOTE_STYLE}">\n'
        f"{bodies.html}\n</blockquote></div>"
    )
    text = "\n".join(_mark(line) for line in bodies.text.split("\n"))
    return Bodies(html, f"{line}\n\n{text}")


def forwarded(original: Original) -> Bodies:
    """The original's header block, and the original as it is."""
    mail = original.mail
    fields = [
        ("From", _person(mail.sender) if mail.sender else ""),
        ("Date", _when(mail.sent_at or mail.received_at)),
        ("Subject", " ".join(mail.subject.split())),
        ("To", _people(mail.to)),
        ("Cc", _people(mail.cc)),
    ]
    shown = [(name, value) for name, value in fields if value]
    bodies = _bodies(original)
    lines = "<br>\n".join(f"<b>{name}:</b> {escape(value)}" for name, value in shown)
    html = f"<div><p>{_FORWARDED}<br>\n{lines}</p>\n{bodies.html}</div>"
    head = "\n".join((_FORWARDED, *(f"{name}: {value}" for name, value in shown)))
    return Bodies(html, f"{head}\n\n{bodies.text}")


def signed(signature: str) -> Bodies:
    """The email server's signature below its delimiter (RFC 3676, section 4.3); empty for none."""
    text = "\n".join(line.rstrip() for line in signature.strip().splitlines())
    return Bodies(f"<div>-- <br>\n{text_to_html(text)}</div>", f"-- \n{text}") if text else Bodies("", "")


def text_to_html(text: str) -> str:
    """Plain text as an HTML fragment: line ends and runs of spaces stay."""
    escaped = escape(text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(8))
    return escaped.replace("  ", "&nbsp; ").replace("\n ", "\n&nbsp;").replace("\n", "<br>\n")


def _bodies(original: Original) -> Bodies:
    html = original.html if len(original.html) <= MAX_QUOTED_HTML_CHARS else ""
    text = original.text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not text.strip():
        text = html_to_plain(original.html)
    if len(text) > MAX_QUOTED_TEXT_CHARS:
        text = f"{text[:MAX_QUOTED_TEXT_CHARS]}\n{_CUT}"
    return Bodies(html if html.strip() else f"<div>{text_to_html(text)}</div>", text)


def _mark(line: str) -> str:
    return f">{line}" if line.startswith(">") else f"> {line}".rstrip(" ")


def _people(people: tuple[Address, ...]) -> str:
    more = f" and {len(people) - _MAX_NAMED} more" if len(people) > _MAX_NAMED else ""
    return ", ".join(map(_person, people[:_MAX_NAMED])) + more


def _person(person: Address) -> str:
    name, address = shown_name(person.name), shown_name(person.address)
    return f"{name} <{address}>" if name and address else name or address


def _when(moment: datetime) -> str:
    """Always in English and UTC, whatever the worker's locale."""
    at = moment.astimezone(UTC)
    day = f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year}"
    return f"{day} at {at.hour:02}:{at.minute:02} UTC"
