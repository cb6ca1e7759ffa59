"""Words for what goes wrong where a mailbox of an Exchange Server signs in with a password (NTLM, Basic)."""

from __future__ import annotations

from domain.remedies_exchange import Words

_ADMIN, _EXCHANGE = "mailbox admin", "Exchange administrator"

PASSWORD_REMEDIES: dict[str, Words] = {
    "PasswordRefused": (
        "The login or its password is refused",
        "The server does not accept Email/Username with this Secret Key. It does not say which: the name may "
        "be unknown, the password wrong or expired, the account locked or not allowed to use EWS.",
        "Enter Email/Username as DOMAIN\\user or as UPN, and its present password as Secret Key. If both are "
        "right, an Exchange administrator checks that the account is neither locked nor disabled.",
        _ADMIN,
    ),
    "NtlmInterrupted": (
        "NTLM is broken off on the way",
        "The server offers NTLM but does not go through with it: NTLM needs one connection from its first to "
        "its last step, and a proxy or load balancer in between may share or close it.",
        "An Exchange administrator lets connections to /EWS through without changing them, or offers Basic "
        "over TLS; then choose that as Authentication Type.",
        _EXCHANGE,
    ),
    "MailboxAddressNotFound": (
        "The mailbox's address cannot be told from the login",
        "The server's directory has no address, or several, for this user name.",
        "Enter Email/Username as UPN, such as soc@corp.example, where that is the mailbox's address too.",
        _ADMIN,
    ),
}
