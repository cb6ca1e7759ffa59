"""An incident as Respond tells it, and whither it is merged, as request bodies."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from api.models import RequestBody
from api.path_ids import MAX_ID_CHARS

MAX_UNITS = 500
_MAX_TITLE_CHARS = 500
_MAX_WORD_CHARS = 200
_MAX_URL_CHARS = 2_000


def _title(value: str) -> str:
    title = " ".join(value.split())
    if not title or not title.isprintable():
        raise ValueError("a title has at least one printable character")
    return title


def _word(value: str | None) -> str:
    word = " ".join((value or "").split())
    if not word.isprintable():
        raise ValueError("this may hold printable characters only")
    return word


def _url(value: str | None) -> str:
    url = (value or "").strip()
    if not url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("this is not an address of a page") from None
    if parts.scheme not in ("http", "https") or not parts.netloc or not url.isprintable() or " " in url:
        raise ValueError("an address begins with https:// or http:// and names a host")
    return url


_Word = Annotated[str | None, Field(max_length=_MAX_WORD_CHARS), AfterValidator(_word)]
_Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARS)]


class IncidentForm(RequestBody):
    """What is left out is empty. `id` may be sent and must be the path's; `createdAt` and
    `subjectToken` count for nothing."""

    title: Annotated[str, Field(max_length=_MAX_TITLE_CHARS), AfterValidator(_title)]
    status: Literal["open", "closed", "merged", "untriaged"]
    type: _Word = None
    severity: _Word = None
    url: Annotated[str | None, Field(max_length=_MAX_URL_CHARS), AfterValidator(_url)] = Field(
        None, description="The incident's page in Respond."
    )
    business_units: Annotated[list[_Id], Field(max_length=MAX_UNITS)] = Field(
        [], description="Ids of the impacted business units."
    )
    merged_into: Annotated[_Id | None, Field(description="With the status `merged`: into which.")] = None
    id: Annotated[str | None, Field(description="The path's, if sent.")] = None
    created_at: Any = Field(None, description="Read-only.")
    subject_token: Any = Field(None, description="Read-only.")


class MergeForm(RequestBody):
    """`into`: the incident whose tab shows the mails from now on."""

    into: _Id
