"""Names for what goes wrong between us and a server before HTTP: DNS, TCP, TLS, lost connections.

Tells the admin what only an admin can mend (names, ports, certificates); the rest passes.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected

import urllib3.exceptions

from domain.errors import AdminActionError, BoundaryError, RetryLaterError

# Values of X509_V_ERR_* (OpenSSL, "X509_STORE_CTX_get_error"); Python has no names for them.
_VERIFY_CODES = {
    9: "CertificateNotYetValid",
    10: "CertificateExpired",
    18: "CertificateUnknownIssuer",
    19: "CertificateUnknownIssuer",
    20: "CertificateUnknownIssuer",
    21: "CertificateUnknownIssuer",
    62: "CertificateNameMismatch",
    64: "CertificateNameMismatch",
}
_NOT_TLS = frozenset(("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE"))
_LOST_IN_TLS = frozenset(("UNEXPECTED_EOF_WHILE_READING",))


class AnswerTooSlowError(TimeoutError):
    """The answer's bytes came, but not all of them within the time that one answer may take."""


def network_error(error: BaseException, server: str) -> BoundaryError:
    """The error by name. `server`: host and port, for the message."""
    if isinstance(error, BoundaryError):
        return error
    for cause in _causes(error):
        named = _named(cause, server)
        if named is not None:
            return named
    return RetryLaterError("ConnectionLost", f"{server}: {type(error).__name__}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it wraps, innermost first: the innermost knows best. A `BoundaryError` among them is
    an earlier request's, which was being handled when this one failed."""
    chain: list[BaseException] = []
    waiting: list[BaseException] = [error]
    while waiting and len(chain) < 20:
        one = waiting.pop()
        if one in chain or isinstance(one, BoundaryError):
            continue
        chain.append(one)
        inner = (one.__context__, one.__cause__, *one.args)
        waiting.extend(cause for cause in inner if isinstance(cause, BaseException))
    return reversed(chain)


def _named(error: BaseException, server: str) -> BoundaryError | None:
    match error:
        case ssl.SSLCertVerificationError():
            code = _VERIFY_CODES.get(error.verify_code, "CertificateInvalid")
            return AdminActionError(code, f"{server}: {error.verify_message}")
        case ssl.SSLError():
            return _tls(error, server)
        case socket.gaierror():
            family = RetryLaterError if error.errno == socket.EAI_AGAIN else AdminActionError
            return family("NameResolutionFailed", f"{server}: {error.strerror}")
        case ConnectionRefusedError():
            return AdminActionError("ConnectionRefused", server)
        case AnswerTooSlowError():
            return RetryLaterError("AnswerTooSlow", server)
        case urllib3.exceptions.ConnectTimeoutError():
            return RetryLaterError("ConnectTimeout", server)
        case TimeoutError() | urllib3.exceptions.ReadTimeoutError():
            return RetryLaterError("ReadTimeout", server)
        case RemoteDisconnected() | IncompleteRead():
            return RetryLaterError("ConnectionLost", server)
        case LineTooLong():
            return RetryLaterError("AnswerTooLong", f"{server}: header")
        case BadStatusLine() if "HTTP/1.1 ".startswith(str(error.args[0]).strip()[:9]):
            return RetryLaterError("ConnectionLost", server)
        case BadStatusLine():
            return AdminActionError("NotHttp", f"{server} does not speak HTTP")
        case ConnectionError():
            return RetryLaterError("ConnectionLost", server)
        case OSError() if error.errno is not None:
            return RetryLaterError("NetworkUnreachable", f"{server}: {error.strerror}")
    return None


def _tls(error: ssl.SSLError, server: str) -> BoundaryError:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or error.reason in _LOST_IN_TLS:
        return RetryLaterError("ConnectionLost", server)
    if error.reason in _NOT_TLS:
        return AdminActionError("NotHttps", f"{server} does not speak TLS")
    return AdminActionError("TlsHandshakeFailed", f"{server}: {error.reason or type(error).__name__}")
