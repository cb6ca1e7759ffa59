"""Whom an answer goes to: Reply-To and From, the others of the thread, never ourselves (RFC 5322, section
3.6.3)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.business_units import normalise_address
from domain.compose.addresses import same_mailbox_key
from domain.compose.message import Mode
from domain.mail import Address, Mail

MAX_NAME_CHARS = 256
_UNWANTED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Recipients:
    """Each person once, in `to` rather than in `cc`."""

    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()


def reply_recipients(mail: Mail, mode: Mode, own_addresses: Iterable[str]) -> Recipients:
    """Whom the form is filled in with; empty where nobody can be answered, and for forwards and new mails.

    `own_addresses`: the mailbox and its aliases, their sub-addresses included. A mail that we sent is
    answered to whom it went. Reply-all: To are those the reply goes to and the mail's To, Cc its Cc.
    """
    if mode in (Mode.FORWARD, Mode.NEW):
        return Recipients()
    own = frozenset(normalise_address(address) for address in own_addresses)
    answered = _others(mail.reply_to, own) or _others((mail.sender,) if mail.sender else (), own)
    to, cc = _others(mail.to, own), _others(mail.cc, own)
    if mode is Mode.REPLY:
        return Recipients(to=answered or to)
    everybody = _others((*answered, *to), own)
    known = {same_mailbox_key(one.address) for one in everybody}
    return Recipients(everybody, tuple(one for one in cc if same_mailbox_key(one.address) not in known))


def shown_name(name: str) -> str:
    """A display name as it can be written and read: one line, no characters that turn its direction."""
    return " ".join(_UNWANTED.sub(" ", name[: 4 * MAX_NAME_CHARS]).split())[:MAX_NAME_CHARS].rstrip()


def _others(people: Iterable[Address], own: frozenset[str]) -> tuple[Address, ...]:
    found: dict[str, Address] = {}
    for one in people:
        address = one.address.strip()
        if address and normalise_address(address) not in own:
            found.setdefault(same_mailbox_key(address), Address(shown_name(one.name), address))
    return tuple(found.values())
