"""Routes of the pages. Everything is made on the server; the pages need no script."""

from __future__ import annotations

from html import escape
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, Response

from api.caller import Caller
from api.dependencies import CallerDep, ServicesDep, SettingsDep
from api.permissions import Permission, needs
from api.problems import Problem
from api.settings import ApiSettings
from domain.mail import Address, Mail
from web.html import STYLE_SHEET, page, page_policy, shown_time

router = APIRouter(include_in_schema=False)
_PAGE_SIZE = 50
_FRAME_SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_LINKS = (
    ("/api/docs", "What the API offers", None),
    ("/api/triage", "These mails as JSON", Permission.MAILS_READ),
    ("/api/config/mailboxes/default", "The mailbox's settings", Permission.CONFIGURATIONS_READ),
    ("/api/config/mailboxes/default/folders", "The mailbox's folders", Permission.CONFIGURATIONS_READ),
    ("/api/config/mailboxes/default/status", "How the mailbox is doing", Permission.CONFIGURATIONS_READ),
    ("/api/config/business-units", "Business units", Permission.CONFIGURATIONS_READ),
    ("/api/me", "Who you are and what you may do", Permission.SIGNED_IN),
    ("/api/health", "Whether the app runs", None),
)


@router.get("/ui")
@router.get("/ui/")
@needs(Permission.SIGNED_IN, page=True)
def mails_page(
    services: ServicesDep,
    settings: SettingsDep,
    caller: CallerDep,
    cursor: Annotated[str | None, Query(max_length=2_000)] = None,
) -> HTMLResponse:
    """The mails that wait in triage, newest first, and what else there is to open."""
    if not caller.may(Permission.MAILS_READ):
        mails = "<p>Needs Read permission to Business Unit Mails (the role BusinessUnitMails.Read).</p>"
    else:
        try:
            found = services.mails.triage(limit=_PAGE_SIZE, cursor=cursor or None)
        except ValueError:
            raise Problem(400, "BadCursor", "This page of the list does not exist.") from None
        units = {row.value.id: row.value.name for row in services.units.read_all()}
        mails = _mail_list(tuple(one.mail for one in found.mails), units) + _next_link(found.cursor)
    body = f'<section aria-label="Mails">{mails}</section>{_other_links(caller)}'
    return _answer(settings, "Business Unit Mails", body)


@router.get("/ui/mails/{mail_id}")
@needs(Permission.MAILS_READ, page=True)
def mail_page(mail_id: str, services: ServicesDep, settings: SettingsDep) -> HTMLResponse:
    """One mail: its envelope, its body in a frame, its attachments and its raw message."""
    mail = services.mails.read(mail_id)
    if mail is None:
        raise Problem.not_found("The mail")
    unit = services.units.read(mail.business_unit) if mail.business_unit else None
    path = f"/api/triage/{quote(mail.id)}"
    rows = (
        ("From", _addresses((mail.sender,) if mail.sender else ())),
        ("To", _addresses(mail.to)),
        ("Cc", _addresses(mail.cc)),
        ("Received", shown_time(mail.received_at)),
        ("Sent", shown_time(mail.sent_at)),
        ("Business unit", escape(unit.value.name) if unit else "none"),
        ("Kind", escape(mail.kind.value)),
    )
    envelope = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows if value)
    problem = (
        f'<p role="note">This mail could not be read whole: {escape(mail.problem.code)} '
        f"{escape(mail.problem.detail)}</p>"
        if mail.problem
        else ""
    )
    title = mail.subject or "(no subject)"
    body = (
        f'<p><a href="/ui/">All mails</a></p><dl>{envelope}</dl>{problem}'
        f'<iframe sandbox="{_FRAME_SANDBOX}" src="{path}/body" title="Mail: {escape(title)}"></iframe>'
        f'<p><a href="{path}/body?part=text">Plain text</a> · <a href="{path}/body?part=headers">All '
        "headers</a> · "
        f'<a href="{path}/raw">Original message (.eml)</a></p>{_attachments(mail, path)}'
    )
    return _answer(settings, title, body)


@router.get("/ui/static/pages.css")
@needs(Permission.SIGNED_IN, page=True)
async def style_sheet() -> Response:
    """The pages' only style sheet."""
    return Response(STYLE_SHEET, media_type="text/css", headers={"Cache-Control": "private, max-age=300"})


def _answer(settings: ApiSettings, title: str, body: str) -> HTMLResponse:
    policy = page_policy(settings.frame_ancestors)
    return HTMLResponse(page(title, body), headers={"Content-Security-Policy": policy})


def _mail_list(mails: tuple[Mail, ...], units: dict[str, str]) -> str:
    if not mails:
        return (
            "<p>No mail of a business unit has arrived yet. Mail shows here once the mailbox is on and a "
            "business unit "
            "has an address or domain.</p>"
        )
    return f'<ul class="mails">{"".join(_mail_item(mail, units) for mail in mails)}</ul>'


def _mail_item(mail: Mail, units: dict[str, str]) -> str:
    sender = (mail.sender.name or mail.sender.address) if mail.sender else "unknown sender"
    unit = units.get(mail.business_unit or "", "no unit")
    extras = [] if mail.kind == "mail" else [mail.kind.value]
    if mail.attachments:
        extras.append(
            "1 attachment" if len(mail.attachments) == 1 else f"{len(mail.attachments)} attachments"
        )
    if mail.problem:
        extras.append(f"could not be read: {mail.problem.code}")
    shown = " · ".join(escape(word) for word in (sender, unit, mail.direction.value, *extras))
    return (
        f'<li><a href="/ui/mails/{quote(mail.id)}">{escape(mail.subject or "(no subject)")}</a>'
        f'<p class="meta">{shown} · {shown_time(mail.received_at)}</p><p '
        f'class="preview">{escape(mail.preview)}</p></li>'
    )


def _next_link(cursor: str | None) -> str:
    return f'<p><a href="/ui/?cursor={quote(cursor, safe="")}">Older mails</a></p>' if cursor else ""


def _addresses(addresses: tuple[Address, ...]) -> str:
    shown = (f"{one.name} <{one.address}>" if one.name else one.address for one in addresses)
    return escape(", ".join(shown))


def _attachments(mail: Mail, path: str) -> str:
    if not mail.attachments:
        return ""
    items = "".join(
        f'<li><a href="{path}/attachments/{position}">{escape(mail.parts[index].filename or "unnamed")}</a> '
        f"{escape(mail.parts[index].content_type)}, about {mail.parts[index].size_bytes:,} bytes</li>"
        for position, index in enumerate(mail.attachments)
    )
    return f"<h2>Attachments</h2><ul>{items}</ul>"


def _other_links(caller: Caller) -> str:
    items = "".join(
        f'<li><a href="{path}">{escape(label)}</a> <code>{path}</code></li>'
        for path, label, permission in _LINKS
        if permission is None or caller.may(permission)
    )
    return f"<h2>What else to open</h2><ul>{items}</ul><p>Signed in as {escape(caller.name)}.</p>"
