"""The **Incident Notification** email template: its placeholders, what may be wrong with it, and the mail
made from it.

A placeholder is `{{name}}`. Values are escaped for HTML whatever they hold, and never read for placeholders
again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape

from domain.mime.bodies import html_to_text
from domain.template_markup import Markup

MAX_SUBJECT_CHARS = 255
"""What Exchange keeps of a subject (MS-OXCMAIL, "PidTagSubject")."""
MAX_BODY_CHARS = 32_000
"""Of each body: before and after of a change fit into one row of the activity log."""
MAX_VALUE_CHARS = 1_000
MAX_PLACEHOLDERS = 200
"""Of each field: with the longest values the mail stays within some megabytes."""

_PLACEHOLDER = re.compile(r"\{\{(?:([^{}]{0,100})\}\})?")
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_HTTP_ADDRESS = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_LINE_END = re.compile(r"<(?:br|/p|/div|/tr|/li|/h\d|/table|hr)\b[^<>]*>", re.IGNORECASE)
_URL_NAME = "incident.url"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A name that a template may hold in `{{ }}`."""

    name: str
    description: str
    example: str


PLACEHOLDERS = (
    Placeholder("incident.id", "The incident's id.", "INC-77"),
    Placeholder("incident.title", "Its title.", "Phishing mail with a false invoice"),
    Placeholder("incident.type", "Its type.", "Phishing"),
    Placeholder("incident.severity", "Its severity.", "High"),
    Placeholder("incident.status", "Its status.", "open"),
    Placeholder(
        _URL_NAME, "Its address in Respond; empty where it has none.", "https://respond.corp.example/INC-77"
    ),
    Placeholder("businessUnit.name", "The business unit that gets the mail.", "Finance"),
    Placeholder("businessUnit.description", "That unit's description.", "Accounting and treasury"),
    Placeholder("parameterName", "What a business unit is called here.", "Business Unit"),
    Placeholder("parameterNamePlural", "The same for several.", "Business Units"),
)
NAMES = frozenset(one.name for one in PLACEHOLDERS)


@dataclass(frozen=True, slots=True)
class NotificationTemplate:
    """`html` or `text` may be empty, not both: it is made from the other then."""

    subject: str
    html: str = ""
    text: str = ""


DEFAULT_TEMPLATE = NotificationTemplate(
    subject="Incident {{incident.id}}: {{incident.title}}",
    html="""\
<p>Dear colleagues of {{businessUnit.name}},</p>
<p>the following incident concerns your {{parameterName}}:</p>
<table cellpadding="4">
<tr><th align="left">Incident</th><td>{{incident.id}}</td></tr>
<tr><th align="left">Title</th><td>{{incident.title}}</td></tr>
<tr><th align="left">Type</th><td>{{incident.type}}</td></tr>
<tr><th align="left">Severity</th><td>{{incident.severity}}</td></tr>
</table>
<p>Please answer this mail and leave its subject as it is, so that your answer reaches the incident.</p>
""",
    text="""\
Dear colleagues of {{businessUnit.name}},

the following incident concerns your {{parameterName}}:

Incident: {{incident.id}}
Title: {{incident.title}}
Type: {{incident.type}}
Severity: {{incident.severity}}

Please answer this mail and leave its subject as it is, so that your answer reaches the incident.
""",
)


@dataclass(frozen=True, slots=True)
class TemplateMistake:
    """What is wrong in `field` (`subject`, `html`, `text`). `position` counts characters from 0, `line` and
    `column` from 1."""

    field: str
    code: str
    detail: str
    position: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class RenderedMail:
    """What goes out: a subject of one line, and both bodies."""

    subject: str
    html: str
    text: str


def find_mistakes(template: NotificationTemplate) -> list[TemplateMistake]:
    """Everything that keeps the template from being used, by field and position. Takes any text."""
    found: list[TemplateMistake] = []
    if not template.subject.strip():
        found.append(_mistake("subject", template.subject, "Required", "A mail needs a subject.", 0))
    if not template.html.strip() and not template.text.strip():
        found.append(_mistake("html", "", "Required", "The template needs a body, html or text.", 0))
    for field in ("subject", "html", "text"):
        found += _field_mistakes(field, getattr(template, field))
    return found


def render(template: NotificationTemplate, values: Mapping[str, str]) -> RenderedMail:
    """The mail for these values (a missing one is empty). Takes any text; a name that is not among `NAMES`
    stays as it is written."""
    plain = {name: _plain(name, values.get(name, "")) for name in NAMES}
    text = _filled(template.text, plain, str)
    html = _filled(template.html, plain, _escaped)
    if not template.html.strip():
        html = "<p>" + escape(text).replace("\n", "<br>\n") + "</p>"
    if not template.text.strip():
        text = _as_text(html)
    subject = " ".join(_UNWANTED.sub(" ", _filled(template.subject, plain, str)).split())
    if len(subject) > MAX_SUBJECT_CHARS:
        subject = subject[: MAX_SUBJECT_CHARS - 1].rstrip() + "…"
    return RenderedMail(subject, html, text)


def _field_mistakes(field: str, source: str) -> Iterator[TemplateMistake]:
    limit = MAX_SUBJECT_CHARS if field == "subject" else MAX_BODY_CHARS
    if len(source) > limit:
        detail = f"This has {len(source)} characters of at most {limit}."
        yield _mistake(field, source, "TooLong", detail, limit)
        return
    allowed = "" if field == "subject" else "\t\n\r"
    unwanted = next((one for one in _UNWANTED.finditer(source) if one[0] not in allowed), None)
    if unwanted is not None:
        detail = f"There is {'a line break or ' if field == 'subject' else ''}a control character."
        yield _mistake(field, source, "ControlCharacter", detail, unwanted.start())
    markup = Markup(source) if field == "html" else None
    for wrong in markup.mistakes if markup else ():
        yield _mistake(field, source, wrong.code, wrong.detail, wrong.position)
    for count, token in enumerate(_PLACEHOLDER.finditer(source), start=1):
        name = token[1].strip() if token[1] is not None else None
        if count > MAX_PLACEHOLDERS:
            detail = f"There are more than {MAX_PLACEHOLDERS} placeholders."
            yield _mistake(field, source, "TooManyPlaceholders", detail, token.start())
            return
        if name is None:
            detail = "{{ begins a placeholder that no }} ends."
            yield _mistake(field, source, "PlaceholderNotClosed", detail, token.start())
        elif name not in NAMES:
            detail = f"There is no placeholder {{{{{name}}}}}."
            yield _mistake(field, source, "UnknownPlaceholder", detail, token.start())
        elif markup and (refused := markup.refuses(token.start(), is_address=name == _URL_NAME)):
            yield _mistake(field, source, refused.code, refused.detail, refused.position)


def _mistake(field: str, source: str, code: str, detail: str, position: int) -> TemplateMistake:
    line = source.count("\n", 0, position) + 1
    column = position - (source.rfind("\n", 0, position) + 1) + 1
    return TemplateMistake(field, code, f"{detail} (line {line}, column {column})", position, line, column)


def _filled(source: str, values: Mapping[str, str], write: Callable[[str], str]) -> str:
    def value(token: re.Match[str]) -> str:
        name = (token[1] or "").strip()
        return write(values[name]) if name in values else token[0]

    return _PLACEHOLDER.sub(value, source)


def _plain(name: str, value: str) -> str:
    """One line, bounded; an address that a browser would not simply open is left out."""
    text = " ".join(_UNWANTED.sub(" ", value[:MAX_VALUE_CHARS]).split())
    return "" if name == _URL_NAME and not _HTTP_ADDRESS.match(text) else text


def _escaped(value: str) -> str:
    """Safe as text and in attributes, unquoted ones of old mail programs included."""
    return escape(value, quote=True).replace("`", "&#x60;").replace("=", "&#x3D;")


def _as_text(html: str) -> str:
    """The plain text beside an HTML body: a line for each block."""
    marked = _LINE_END.sub("\x00", " ".join(html.replace("\x00", " ").split()))
    lines = (" ".join(line.split()) for line in html_to_text(marked).split("\x00"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
