"""What a failure means and who does what about it, by the code that the failing side gives it.

Sources: Microsoft's "ResponseCode" (EWS reference), "Microsoft Entra authentication and authorization error
codes", "Deprecation of Exchange Web Services in Exchange Online".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.remedies_exchange import EXCHANGE_REMEDIES
from domain.remedies_network import NETWORK_REMEDIES
from domain.remedies_password import PASSWORD_REMEDIES
from domain.remedies_refusals import REFUSAL_REMEDIES, refusal_by_text
from domain.remedies_sign_in import SIGN_IN_REMEDIES
from domain.remedies_smtp import SMTP_REMEDIES
from domain.remedies_storage import STORAGE_REMEDIES


class WhoCanAct(StrEnum):
    """Who has to act."""

    NOBODY = "nobody"
    MAILBOX_ADMIN = "mailbox admin"
    EXCHANGE_ADMIN = "Exchange administrator"
    ENTRA_ADMIN = "Microsoft Entra administrator"
    AZURE_ADMIN = "Azure administrator"


@dataclass(frozen=True, slots=True)
class Remedy:
    """Words for an admin. `title`: what is wrong, in a line; `detail`: why; `remedy`: what to do."""

    code: str
    title: str
    detail: str
    remedy: str
    who: WhoCanAct


_TABLES = (
    EXCHANGE_REMEDIES,
    REFUSAL_REMEDIES,
    SIGN_IN_REMEDIES,
    NETWORK_REMEDIES,
    STORAGE_REMEDIES,
    PASSWORD_REMEDIES,
    SMTP_REMEDIES,
)
_BY_CODE = {
    code: Remedy(code, *words[:3], WhoCanAct(words[3])) for table in _TABLES for code, words in table.items()
}
_PASSING_SIGNS = ("Transient", "Timeout", "TimedOut")
KNOWN_CODES = frozenset(_BY_CODE)


def remedy_for(code: str, server_message: str = "") -> Remedy:
    """Never fails: a code without words of its own gets words for its kind; callers show the server's words
    beside. Where those tell apart what shares one code, `Remedy.code` is the cause's own name."""
    return _BY_CODE.get(refusal_by_text(code, server_message) or code) or _by_kind(code)


def _by_kind(code: str) -> Remedy:
    if code.startswith("AADSTS"):
        return Remedy(
            code,
            "Microsoft Entra ID refuses the sign-in",
            f"It answers {code}; its own words are beside this.",
            f"Look the code up at https://login.microsoftonline.com/error?code={code[6:]} and check App ID, "
            "Tenant ID "
            "and Secret Key.",
            WhoCanAct.ENTRA_ADMIN,
        )
    if code.startswith("HTTP 5") or any(sign in code for sign in _PASSING_SIGNS):
        return Remedy(
            code,
            "The mail server has passing trouble",
            f"It answers {code}.",
            "Nothing to do: polling goes on by itself.",
            WhoCanAct.NOBODY,
        )
    if code.startswith("HTTP 3"):
        return Remedy(
            code,
            "The server sends on to another address",
            f"It answers {code}; where to is beside this. For safety nothing is followed.",
            "Enter the server that really has the mailbox as Incoming Email Server, if it is the one named.",
            WhoCanAct.MAILBOX_ADMIN,
        )
    if code.startswith("HTTP "):
        return Remedy(
            code,
            "The mail server refuses the request",
            f"It answers {code}, which Exchange does not answer at this address.",
            "Check that Incoming Email Server and Port lead to Exchange itself, not to a proxy or another "
            "site.",
            WhoCanAct.MAILBOX_ADMIN,
        )
    if code.startswith("SMTP "):
        return Remedy(
            code,
            "The SMTP server refuses the mail",
            f"It answers {code[5:]}; its own words are beside this.",
            "Ask the server's administrator with these words.",
            WhoCanAct.EXCHANGE_ADMIN,
        )
    return Remedy(
        code,
        "The mail server refuses the request",
        f"It answers {code}; its own words are beside this.",
        "Ask your Exchange administrator about this code. Polling tries again and goes on once it is mended.",
        WhoCanAct.EXCHANGE_ADMIN,
    )
