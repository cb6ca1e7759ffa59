"""ResolveNames (Microsoft: "ResolveNames operation"): the mail address of who signed in with a login."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import AdminActionError
from exchange.answer_parser import Node, malformed
from exchange.errors import message_error, response_code
from exchange.xml_text import escape

ADDRESS_NOT_FOUND = "MailboxAddressNotFound"
_NOBODY = "ErrorNameResolutionNoResults"


def user_of(login: str) -> str:
    """The user's name without its domain: of `DOMAIN\\user` and of a UPN."""
    return login.rpartition("\\")[2].partition("@")[0]


def request(login: str) -> str:
    """Asks the directory by the user's name: it knows logins and aliases, not UPNs."""
    return (
        '<m:ResolveNames ReturnFullContactData="false" SearchScope="ActiveDirectory">'
        f"<m:UnresolvedEntry>{escape(user_of(login))}</m:UnresolvedEntry></m:ResolveNames>"
    )


def parse(messages: Sequence[Node], login: str) -> str:
    """The one address that can be this login's: the same text, else the only one with the user's name before
    @, else the only one. Where there is none, a UPN counts as an address; for `DOMAIN\\user` raises
    `AdminActionError`."""
    if len(messages) != 1:
        raise malformed("ResolveNames: not one answer")
    error = message_error(messages[0])
    if error is not None and response_code(messages[0]) != _NOBODY:
        raise error
    found = [
        address
        for node in messages[0].walk()
        if node.name == "Mailbox" and node.text_of("RoutingType") in ("", "SMTP")
        if "@" in (address := node.text_of("EmailAddress").strip())
    ]
    user = user_of(login).lower()
    for candidates in (
        [one for one in found if one.lower() == login.lower()],
        [one for one in found if one.lower().partition("@")[0] == user],
        found,
    ):
        if len(candidates) == 1:
            return candidates[0]
    if "@" in login and "\\" not in login:
        return login
    raise AdminActionError(ADDRESS_NOT_FOUND, f"{len(found)} addresses for this user name")
