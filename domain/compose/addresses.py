"""Addresses as they go out: checked, and their domains as A-labels (RFC 5321, RFC 6531, RFC 5891)."""

from __future__ import annotations

import re
import unicodedata
from encodings.idna import nameprep

MAX_ADDRESS_OCTETS = 254
MAX_LOCAL_OCTETS = 64
_MAX_DOMAIN_OCTETS = 253

_ATOM = re.compile(r"""[^\s"(),:;<>@\[\]\\]+""")
_QUOTED = re.compile(r'"(?:[ !#-\[\]-~]|\\[ -~])+"')
_DOTS = re.compile("[\u3002\uff0e\uff61]")
"""RFC 3490, section 3.1: what else separates labels."""
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_NOT_A_LETTER_TO_MAP = re.compile("([ßς]+)")
"""IDNA2003 turns these into other letters, and so the domain into somebody else's; IDNA2008 keeps them."""
_JOINERS = re.compile("[\u200c\u200d]")


class BadAddressError(ValueError):
    """`code`: NotAnAddress, NotADomain or AddressTooLong; the message says what is wrong."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        super().__init__(detail)


def outgoing_address(text: str) -> str:
    """The address as it is written and asked for: local part as typed, domain in lower-case A-labels.

    Local parts in other scripts stay (RFC 6531); see `needs_smtputf8`. Raises `BadAddressError`."""
    if len(text) > 4 * MAX_ADDRESS_OCTETS:
        raise BadAddressError("AddressTooLong", "An address has at most 254 characters.")
    local, _, domain = unicodedata.normalize("NFC", text.strip()).rpartition("@")
    if not local or not domain:
        raise BadAddressError("NotAnAddress", "This is no mail address such as ann@fin.example.")
    if not _is_local_part(local):
        raise BadAddressError(
            "NotAnAddress", "The part before the @ holds characters or dots that it may not hold."
        )
    address = f"{local}@{ascii_domain(domain)}"
    if len(local.encode()) > MAX_LOCAL_OCTETS or len(address.encode()) > MAX_ADDRESS_OCTETS:
        raise BadAddressError(
            "AddressTooLong", "An address has at most 64 characters before the @ and 254 in all."
        )
    return address


def needs_smtputf8(address: str) -> bool:
    """Only servers with SMTPUTF8 (RFC 6531) can take it: its local part is not ASCII."""
    return not address.rpartition("@")[0].isascii()


def ascii_domain(domain: str) -> str:
    """A domain of at least two labels in lower-case A-label form. Raises `BadAddressError`."""
    text = _DOTS.sub(".", unicodedata.normalize("NFC", domain.strip())).removesuffix(".").lower()
    try:
        name = ".".join(_a_label(label) for label in text.split("."))
    except UnicodeError as error:
        raise BadAddressError("NotADomain", "The domain holds characters that none may hold.") from error
    labels = name.split(".")
    if len(labels) < 2 or labels[-1].isdigit() or len(name) > _MAX_DOMAIN_OCTETS:
        raise BadAddressError("NotADomain", "The part after the @ is no domain such as fin.example.")
    if not all(_LABEL.fullmatch(label) for label in labels):
        raise BadAddressError("NotADomain", "The part after the @ is no domain such as fin.example.")
    return name


def same_mailbox_key(address: str) -> str:
    """Two addresses with one key are one recipient: case does not count, sub-addresses (`ann+x`) do."""
    try:
        return outgoing_address(address).casefold()
    except BadAddressError:
        return address.strip().casefold()


def _is_local_part(local: str) -> bool:
    if _QUOTED.fullmatch(local):
        return True
    return local.isprintable() and all(_ATOM.fullmatch(atom) for atom in local.split("."))


def _a_label(label: str) -> str:
    if label.isascii():
        return label
    if _JOINERS.search(label) or len(label) > 63:
        raise UnicodeError("a label that no domain has")
    pieces = _NOT_A_LETTER_TO_MAP.split(label)
    mapped = "".join(piece if n % 2 else nameprep(piece) for n, piece in enumerate(pieces))
    return mapped if mapped.isascii() else "xn--" + mapped.encode("punycode").decode("ascii")
