"""Checks of SMTP addresses, domains and host names, internationalised ones included (RFC 5321, RFC 6531, RFC
5890)."""

from __future__ import annotations

import ipaddress
import re
import unicodedata

from config_api.mistakes import FieldMistakeError

_OTHER_DOTS = re.compile("[\u3002\uff0e\uff61]")
"""What counts as a dot between labels (RFC 3490 section 3.1)."""
_MAX_ADDRESS_OCTETS = 254
_MAX_LOCAL_OCTETS = 64
_MAX_HOST_CHARS = 253
_LOCAL_ATOM = re.compile(r"""[^\s"(),:;<>@\[\]\\]+""")
_LOGIN_PART = re.compile(r"""[^\s"/\\\[\]:;|=,+*?<>@][^"/\\\[\]:;|=,+*?<>@]{0,62}""")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def smtp_address(text: str) -> str:
    """The address as typed, without white space around it. Raises `FieldMistakeError`."""
    address = unicodedata.normalize("NFC", text.strip())
    if "\\" in address:
        raise FieldMistakeError(
            "NotAnAddress",
            "DOMAIN\\user is a login, not a mail address; enter an address such as soc@corp.example.",
        )
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain:
        raise FieldMistakeError("NotAnAddress", "Enter a mail address such as soc@corp.example.")
    if not address.isprintable() or not all(_LOCAL_ATOM.fullmatch(atom) for atom in local.split(".")):
        raise FieldMistakeError(
            "NotAnAddress", "The part before the @ holds characters or dots that it may not hold."
        )
    if len(local.encode()) > _MAX_LOCAL_OCTETS or len(address.encode()) > _MAX_ADDRESS_OCTETS:
        raise FieldMistakeError(
            "AddressTooLong", "An address has at most 64 characters before the @ and 254 in all."
        )
    mail_domain(domain)
    return address


def login_name(text: str) -> str:
    """A login of Active Directory as typed: `DOMAIN\\user` (Microsoft: "User Naming Attributes") or a UPN.
    Raises `FieldMistakeError`."""
    login = unicodedata.normalize("NFC", text.strip())
    domain, backslash, user = login.partition("\\")
    if not backslash:
        if "@" not in login:
            raise FieldMistakeError(
                "NotALogin", "Enter the login with its domain: DOMAIN\\user, or user@corp.example."
            )
        return smtp_address(login)
    if not login.isprintable() or not _LOGIN_PART.fullmatch(domain) or not _LOGIN_PART.fullmatch(user):
        raise FieldMistakeError(
            "NotALogin", "Enter the login as DOMAIN\\user; it holds characters that no login may hold."
        )
    return login


def mail_domain(text: str) -> str:
    """A domain name with at least two labels, as typed. Raises `FieldMistakeError`."""
    name = ascii_host(text)
    if "." not in name or name.rpartition(".")[2].isdigit():
        raise FieldMistakeError(
            "NotADomain", f"{text} is no domain; a domain has a dot, such as corp.example."
        )
    return _OTHER_DOTS.sub(".", text.strip()).rstrip(".")


def ascii_host(text: str) -> str:
    """A host name in lower case and A-label form. Raises `FieldMistakeError`."""
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = unicodedata.normalize("NFC", name).encode("idna").decode("ascii")
        except UnicodeError as error:
            raise FieldMistakeError(
                "NotAHost", "This is no host name: it holds characters no domain may hold."
            ) from error
    if not name or len(name) > _MAX_HOST_CHARS or not all(_LABEL.fullmatch(part) for part in name.split(".")):
        raise FieldMistakeError(
            "NotAHost",
            "This is no host name: letters, digits, hyphens and single dots, such as outlook.office365.com.",
        )
    return name


def ip_literal(text: str) -> str | None:
    """The address in its plain form, None where the text is no IP address. Raises `FieldMistakeError` for
    addresses that no mail server can have, and for abbreviated ones (`127.1`, `0x7f.1`)."""
    try:
        address = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        last = text.rstrip(".").rpartition(".")[2].lower()
        if last.isdigit() or re.fullmatch(r"0x[0-9a-f]*", last):
            raise FieldMistakeError(
                "NotAHost", "This is neither a host name nor a complete IP address."
            ) from None
        return None
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise FieldMistakeError("AddressNotAllowed", "No mail server can have this address.")
    return str(address)
