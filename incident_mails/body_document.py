"""A mail's body as a document for a sandboxed frame: sanitised HTML, plain text or headers; always something
to show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from api.sanitise import MAX_HTML_CHARS, sanitise_html
from domain.errors import NotFoundError
from domain.mail import Mail, Part
from domain.mime.bodies import decode_text, html_to_text
from domain.ports import RawMailStore
from incident_mails.quoted import fold_html, quoted_from

_MAX_BODY_BYTES = 4 * 1024 * 1024
_MAX_HEADER_BYTES = 262_144
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(?::\d{1,5})?")
_SANDBOX = "sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
_STYLE = (
    "body{margin:12px;font:16px/1.5 'Segoe UI',system-ui,sans-serif;color:#1b1c1f;background:#fff;"
    "overflow-wrap:anywhere}img{max-width:100%;height:auto}.t{white-space:pre-wrap}"
    ".q{border-left:1px solid #c8cad0;padding-left:8px;color:#54575e}"
    ".n{border-left:3px solid #7a4b00;padding-left:8px;color:#54575e}"
)


@dataclass(frozen=True, slots=True)
class BodyView:
    """What of the body can be shown. `notices`: what a reader has to know about it."""

    html: str | None
    text: str | None
    headers: str
    notices: tuple[str, ...]
    blocked_images: int = 0

    @property
    def quoted_from(self) -> int | None:
        """Where in `text` the quoted original begins."""
        return quoted_from(self.text) if self.text is not None else None


def view_body(
    mail: Mail, raw: RawMailStore, *, part: str | None, attachments_path: str, remote_images: bool
) -> BodyView:
    """Never fails for a stored mail, unreadable ones included. `part`: `html`, `text` or `headers`; None:
    what there is, HTML first. Raises what storage raises."""
    notices: list[str] = []
    if mail.problem is not None:
        notices.append(f"This mail could not be read ({mail.problem.code}). {mail.problem.detail}".strip())
    if mail.raw_size_bytes == 0:
        return BodyView(None, None, "", tuple(notices))
    try:
        if part == "headers":
            length = min(mail.header_bytes, _MAX_HEADER_BYTES)
            block = raw.read(mail.id, 0, length) if length else b""
            return BodyView(None, None, block.decode("utf-8", "replace"), tuple(notices))
        if part != "text" and mail.html_part is not None:
            return _html_view(mail, raw, mail.html_part, notices, attachments_path, remote_images)
        if part != "html" and mail.text_part is not None:
            return BodyView(None, _text(mail, raw, mail.text_part, notices), "", tuple(notices))
        if part == "text" and mail.html_part is not None:
            text = html_to_text(_text(mail, raw, mail.html_part, notices))
            return BodyView(None, text, "", tuple(notices))
    except NotFoundError:
        return BodyView(None, None, "", (*notices, "The raw message is not in storage (any more)."))
    notices.append("This mail has no such body." if part else "This mail has no text.")
    return BodyView(None, None, "", tuple(notices))


def _html_view(
    mail: Mail, raw: RawMailStore, index: int, notices: list[str], attachments_path: str, remote_images: bool
) -> BodyView:
    markup = _text(mail, raw, index, notices)
    if len(markup) > MAX_HTML_CHARS:
        markup = markup[:MAX_HTML_CHARS]
        notices.append("The body is very long and is shown as far as here; the raw message has all of it.")
    images = {
        mail.parts[part].content_id or "": f"{attachments_path}/{position}"
        for position, part in enumerate(mail.attachments)
        if mail.parts[part].content_id
    }
    safe = sanitise_html(markup, images=images, remote_images=remote_images)
    if safe is None:
        notices.append("The HTML is nested too deeply to be shown as such; this is its text.")
        return BodyView(None, html_to_text(markup), "", tuple(notices))
    return BodyView(fold_html(safe.html), None, "", tuple(notices), safe.blocked_images)


def _text(mail: Mail, raw: RawMailStore, index: int, notices: list[str]) -> str:
    part: Part = mail.parts[index]
    length = min(part.length, _MAX_BODY_BYTES)
    if length < part.length:
        notices.append("The body is very long and is shown as far as here; the raw message has all of it.")
    encoded = raw.read(mail.id, part.offset, length) if length else b""
    return decode_text(encoded, part)


def body_document(view: BodyView) -> str:
    """The document; notices stand above the body."""
    shown = "".join(f'<p class="n" role="note">{escape(notice)}</p>' for notice in view.notices)
    if view.html is not None:
        shown += view.html
    elif view.text is not None:
        shown += _text_document(view.text, view.quoted_from)
    elif view.headers:
        shown += f'<div class="t">{escape(view.headers)}</div>'
    return (
        '<!doctype html><html lang="und"><head><meta charset="utf-8"><meta name="referrer" '
        'content="no-referrer">'
        f"<title>Mail</title><style>{_STYLE}</style></head><body>{shown}</body></html>"
    )


def _text_document(text: str, quoted_at: int | None) -> str:
    if quoted_at is None:
        return f'<div class="t">{escape(text)}</div>'
    return (
        f'<div class="t">{escape(text[:quoted_at])}</div><details><summary>Quoted text</summary>'
        f'<div class="t q">{escape(text[quoted_at:])}</div></details>'
    )


def body_policy(host: str, attachments_path: str, frame_ancestors: str, *, remote_images: bool) -> str:
    """The document's Content-Security-Policy: this mail's attachments are the only images, unless asked for
    more."""
    images = f"{host}{attachments_path}/" if _HOST.fullmatch(host) else "'self'"
    if remote_images:
        images += " https:"
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src {images} data:; form-action 'none'; "
        "base-uri 'none'; "
        f"{frame_ancestors}; {_SANDBOX}"
    )
