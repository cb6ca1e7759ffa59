"""Words for what goes wrong on the way to the mail server: title, detail, remedy, who can act."""

from __future__ import annotations

from domain.remedies_exchange import Words

_ADMIN, _EXCHANGE, _NOBODY = "mailbox admin", "Exchange administrator", "nobody"
_GOES_ON = (
    "Nothing to do at first: polling goes on by itself. If it lasts, check Incoming Email Server and Port."
)
_CA = (
    "An Exchange administrator installs a certificate from a public authority, or the app is given the "
    "CA's file."
)

NETWORK_REMEDIES: dict[str, Words] = {
    "NameResolutionFailed": (
        "The mail server's name is not known",
        "DNS has no address for it.",
        "Check Incoming Email Server for typing mistakes; a name inside a private network needs private DNS.",
        _ADMIN,
    ),
    "ConnectionRefused": (
        "Nobody listens at this port",
        "The server's machine refuses the connection.",
        "Check Port (443 for EWS) and Incoming Email Server, and any firewall in between.",
        _ADMIN,
    ),
    "ConnectTimeout": (
        "The mail server does not answer",
        "No connection came about in time.",
        _GOES_ON,
        _NOBODY,
    ),
    "ReadTimeout": (
        "The mail server does not answer",
        "The connection stood, but no answer came.",
        _GOES_ON,
        _NOBODY,
    ),
    "ConnectionLost": ("The connection broke", "It ended before the answer was complete.", _GOES_ON, _NOBODY),
    "NetworkUnreachable": (
        "The network is away",
        "There is no way to the server just now.",
        _GOES_ON,
        _NOBODY,
    ),
    "AnswerTooSlow": (
        "The answer came too slowly",
        "It was given up after its time limit.",
        _GOES_ON,
        _NOBODY,
    ),
    "AnswerTooLong": (
        "The answer never ended",
        "The server sent far more than such an answer has, and was cut off.",
        _GOES_ON,
        _NOBODY,
    ),
    "MalformedAnswer": (
        "The mail server's answer cannot be read",
        "It is not well-formed XML as EWS sends it; a proxy may have changed it.",
        _GOES_ON,
        _NOBODY,
    ),
    "NotExchange": (
        "This is not Exchange",
        "The server answers, but not as EWS does.",
        "Check that Incoming Email Server and Port lead to Exchange itself, not to a proxy or a sign-in "
        "page.",
        _ADMIN,
    ),
    "NotHttp": (
        "This is not Exchange",
        "The server does not speak HTTP at this port.",
        "Check Port (443 for EWS) and Incoming Email Server.",
        _ADMIN,
    ),
    "NotHttps": (
        "The server does not encrypt at this port",
        "It does not speak TLS, while SSL Encrypted is on.",
        "Check Port (443 for EWS).",
        _ADMIN,
    ),
    "TlsHandshakeFailed": (
        "No encrypted connection comes about",
        "Server and app find no common TLS version or cipher; TLS 1.2 or later is needed.",
        "An Exchange administrator enables TLS 1.2 on the server.",
        _EXCHANGE,
    ),
    "CertificateUnknownIssuer": (
        "The server's certificate is from an unknown authority",
        "It is self-signed, or by an authority that this app does not trust.",
        _CA,
        _EXCHANGE,
    ),
    "CertificateExpired": (
        "The server's certificate has expired",
        "It is no longer valid.",
        "An Exchange administrator renews it.",
        _EXCHANGE,
    ),
    "CertificateNotYetValid": (
        "The server's certificate is not valid yet",
        "Its first day lies ahead.",
        "An Exchange administrator looks at the certificate and at the server's clock.",
        _EXCHANGE,
    ),
    "CertificateNameMismatch": (
        "The server's certificate is for another name",
        "It does not name the Incoming Email Server.",
        "Enter the name that the certificate carries, or have one issued for this name.",
        _ADMIN,
    ),
    "CertificateInvalid": (
        "The server's certificate does not hold",
        "It fails a check other than name, issuer and date.",
        _CA,
        _EXCHANGE,
    ),
    "CaFileNotUsable": (
        "The file of certificate authorities cannot be read",
        "EXCHANGE_CA_FILE names a file that is missing or holds no certificate in PEM.",
        "An Azure administrator puts the file right, or removes the setting.",
        "Azure administrator",
    ),
    "TooManyRequests": (
        "Too many requests for this mailbox are under way",
        "The app itself asks Exchange five things at a time for one mailbox; none of them ended in time.",
        _GOES_ON,
        _NOBODY,
    ),
    "AddressNotAllowed": (
        "The server's address may not be used",
        "Its name leads to an address inside this app's own network, which is refused for safety.",
        "Check Incoming Email Server. For a server in a private network an Azure administrator lists that "
        "network in "
        "EXCHANGE_ALLOWED_NETWORKS.",
        "Azure administrator",
    ),
}
