"""Writes SOAP 1.1 requests as EWS wants them: version, impersonated mailbox, escaped values."""

from __future__ import annotations

from collections.abc import Iterable

from exchange.xml_text import escape

SERVER_VERSION = "Exchange2016"
"""Covers Exchange 2016, 2019, Subscription Edition and Online (Microsoft: "EWS schema versions in
Exchange")."""
FALLBACK_SERVER_VERSION = "Exchange2013_SP1"

_START = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"'
    ' xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><s:Header>'
)


def envelope(body: str, *, impersonate: str | None, version: str = SERVER_VERSION) -> bytes:
    """A whole request. `impersonate`: the mailbox's primary SMTP address; app-only tokens need it."""
    header = f'<t:RequestServerVersion Version="{escape(version)}"/>'
    if impersonate:
        header += (
            "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>"
            f"{escape(impersonate)}</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
        )
    return f"{_START}{header}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def folder_id(identifier: str) -> str:
    """`FolderId`, or `DistinguishedFolderId` for the names in `DISTINGUISHED`."""
    if identifier in DISTINGUISHED:
        return f'<t:DistinguishedFolderId Id="{identifier}"/>'
    return f'<t:FolderId Id="{escape(identifier)}"/>'


def item_ids(identifiers: Iterable[str]) -> str:
    """`ItemIds` of a request."""
    ids = "".join(f'<t:ItemId Id="{escape(identifier)}"/>' for identifier in identifiers)
    return f"<m:ItemIds>{ids}</m:ItemIds>"


INBOX = "inbox"
SENT_ITEMS = "sentitems"
ROOT = "msgfolderroot"
DISTINGUISHED = frozenset((INBOX, SENT_ITEMS, ROOT))
"""Distinguished folder names that may stand for ids; real ids are far longer and cannot be mistaken for
them."""
