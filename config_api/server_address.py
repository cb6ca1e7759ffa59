"""The field **Incoming Email Server**: a host name, or a pasted URL of which host and port are understood."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from config_api.addresses import ascii_host, ip_literal
from config_api.mistakes import FieldMistakeError

_MAX_CHARS = 2_000
_HOST_AND_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:]*)(?::(?P<port>\d{1,5}))?")
_MICROSOFT_365_HOSTS = (
    "outlook.office365.com",
    "outlook.office.com",
    "outlook.com",
    "outlook.office365.us",
    "outlook-dod.office365.us",
    "webmail.apps.mil",
    "partner.outlook.cn",
)


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """`port` and `encrypted` are None where the text does not say."""

    host: str
    port: int | None = None
    encrypted: bool | None = None

    @property
    def is_microsoft_365(self) -> bool:
        """Exchange Online, national clouds included."""
        return any(self.host == known or self.host.endswith(f".{known}") for known in _MICROSOFT_365_HOSTS)


def parse_server_address(text: str) -> ServerAddress:
    """Raises `FieldMistakeError`."""
    typed = text.strip()
    if not typed or len(typed) > _MAX_CHARS or not typed.isprintable():
        raise FieldMistakeError("NotAHost", "Enter a host name such as outlook.office365.com.")
    scheme, separator, _ = typed.partition("://")
    rest, encrypted = typed, None
    if separator:
        if scheme.lower() not in ("https", "http"):
            raise FieldMistakeError(
                "NotAHost", f"{scheme}:// leads to no Exchange server; enter a host name."
            )
        encrypted = scheme.lower() == "https"
        rest = _authority(typed)
    if "@" in rest:
        raise FieldMistakeError(
            "UserInfoNotAllowed", "Leave user name, password and @ out; enter the host name alone."
        )
    if re.search(r"[/?#\\]", rest):
        raise FieldMistakeError(
            "PathNotAllowed", "Leave out what follows the host name; enter the host name alone."
        )
    match = _HOST_AND_PORT.fullmatch(rest)
    if match is None:
        raise FieldMistakeError("NotAHost", "Enter a host name such as outlook.office365.com.")
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 1 <= port <= 65_535:
        raise FieldMistakeError("PortOutOfRange", "The port in this address is not between 1 and 65535.")
    host = ip_literal(match["host"]) or ascii_host(match["host"])
    # Digits of other scripts have become digits: what reads as an address now is judged as one.
    host = ip_literal(host) or host
    return ServerAddress(host=host, port=port, encrypted=encrypted)


def _authority(url: str) -> str:
    """The part of a pasted URL between `//` and the path, which has to be EWS's own or none."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise FieldMistakeError("NotAHost", "This URL cannot be read; enter the host name alone.") from error
    path = parts.path.rstrip("/").lower()
    if parts.query or parts.fragment or path not in ("", "/ews", "/ews/exchange.asmx"):
        raise FieldMistakeError(
            "PathNotAllowed",
            "Exchange Web Services always lie at /EWS/Exchange.asmx; this URL leads elsewhere. Enter the host"
            " name alone.",
        )
    return parts.netloc
