"""Words for a connection test, where somebody waits for the answer and nothing goes on by itself."""

from __future__ import annotations

from dataclasses import replace

from domain.remedies import Remedy, WhoCanAct, remedy_for
from domain.remedies_exchange import Words

_ADMIN, _AZURE, _EXCHANGE = "mailbox admin", "Azure administrator", "Exchange administrator"
_SERVER_AND_PORT = (
    "Check Incoming Email Server and Port (443 for EWS). Where they are right, a firewall in between drops "
    "connections from this app: its administrator lets them through. Then test again."
)

CONNECTION_TEST_REMEDIES: dict[str, Words] = {
    "NameResolutionTimeout": (
        "DNS does not answer",
        "Nobody said within the time limit what address the server's name has.",
        "Test again. If it lasts, an Azure administrator checks the DNS servers of the app's network.",
        _AZURE,
    ),
    "ConnectTimeout": (
        "The mail server does not answer: timed out",
        "No connection came about within the time limit; what was sent to this address and port is dropped.",
        _SERVER_AND_PORT,
        _ADMIN,
    ),
    "TlsTimeout": (
        "The server does not begin encryption: timed out",
        "The connection stands, but TLS was not set up within the time limit. Something else than EWS may "
        "listen "
        "at this port.",
        "Check Port (443 for EWS) and Incoming Email Server, then test again.",
        _ADMIN,
    ),
    "ReadTimeout": (
        "The mail server does not answer: timed out",
        "The connection stands, but no answer came within the time limit.",
        "Test again. If it lasts, an Exchange administrator looks at the server's health.",
        _EXCHANGE,
    ),
    "SignInUnavailable": (
        "Microsoft Entra ID cannot be reached",
        "The address to sign in at does not answer, or has passing trouble.",
        "Test again. If it lasts, an Azure administrator checks that the app may reach "
        "login.microsoftonline.com (or the national cloud's address) at port 443.",
        _AZURE,
    ),
    "DraftLeft": (
        "A draft could be saved and not removed again",
        "Mail can be prepared, but the test's draft is still in Drafts; its subject is beside this. It has "
        "no "
        "recipients and is never sent.",
        "Delete the draft in Outlook. Give the app full access to the mailbox, so that it can remove what it "
        "made.",
        _ADMIN,
    ),
    "SslOff": (
        "SSL is off: there is no encryption to test",
        "Mail and sign-in travel unencrypted between this app and the server.",
        "Turn SSL Encrypted on where the server can do it.",
        _ADMIN,
    ),
}


def remedy_in_test(code: str, server_message: str) -> Remedy:
    """Never fails. Where nobody can act, the words say when to test again."""
    words = CONNECTION_TEST_REMEDIES.get(code)
    if words is not None:
        return Remedy(code, *words[:3], WhoCanAct(words[3]))
    remedy = remedy_for(code, server_message)
    if remedy.who is not WhoCanAct.NOBODY:
        return remedy
    return replace(remedy, remedy="Nothing to change: wait some minutes, then test again.")
