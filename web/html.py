"""The shell of every page, and the safe way to put text into markup."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from pathlib import Path

STYLE_SHEET = (Path(__file__).parent / "static" / "pages.css").read_bytes()
STYLE_PATH = "/ui/static/pages.css"


def page(title: str, body: str) -> str:
    """A whole page. `title` is text, `body` is markup whose texts are escaped already."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f'<title>{escape(title)}</title><link rel="stylesheet" href="{STYLE_PATH}"></head><body>'
        '<a class="skip" href="#main">Skip to content</a><main '
        f'id="main"><h1>{escape(title)}</h1>{body}</main>'
        "</body></html>"
    )


def page_policy(frame_ancestors: str) -> str:
    """The pages' Content-Security-Policy: no scripts, own style sheet and frames only."""
    return (
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; base-uri 'none'; form-action"
        " 'none'; "
        f"{frame_ancestors}"
    )


def shown_time(at: datetime | None) -> str:
    """A time in UTC as a `time` element."""
    if at is None:
        return "unknown"
    utc = at.astimezone(UTC)
    return f'<time datetime="{utc.isoformat()}">{utc:%d %b %Y %H:%M} UTC</time>'
