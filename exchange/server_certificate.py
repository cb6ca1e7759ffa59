"""What a server's certificate says, in short texts for an admin. Reads only."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime

_MAX_NAMES = 5
_MAX_CHARS = 200


def certificate_facts(der: bytes, now: datetime) -> dict[str, str]:
    """`subject`, `issuer`, `names`, `validUntil` (a date) and `daysLeft`; empty for what is no certificate.

    The texts are the server's own and prove nothing unless the certificate was verified.
    """
    from cryptography import x509  # late: nothing but a connection test needs it

    try:
        certificate = x509.load_der_x509_certificate(der)
        until = certificate.not_valid_after_utc
        facts = {
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "names": ", ".join(_names(certificate)),
            "validUntil": until.date().isoformat(),
            "daysLeft": str((until - now).days),
        }
    except (ValueError, x509.InvalidVersion):
        return {}
    return {name: _printable(text) for name, text in facts.items() if text}


def peer_certificate(tls: ssl.SSLSocket) -> bytes:
    """The certificate that the server showed, in DER; empty where it showed none."""
    return tls.getpeercert(binary_form=True) or b""


def now_utc() -> datetime:
    """The machine's time, which certificates are verified against too."""
    return datetime.now(UTC)


def _names(certificate: object) -> list[str]:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    names = [
        *extension.get_values_for_type(x509.DNSName),
        *(str(address) for address in extension.get_values_for_type(x509.IPAddress)),
    ]
    return names if len(names) <= _MAX_NAMES else [*names[:_MAX_NAMES], "…"]


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text)[:_MAX_CHARS]
