"""Writes by a session cookie must carry a token that a foreign site cannot know: a digest of the cookie
itself.

A foreign page can make the browser send the cookie, but can neither read it nor set the header. Requests with
an `Authorization` header need no token, since a foreign page cannot set that one either.
"""

from __future__ import annotations

import hashlib
import hmac

from api.problems import Problem

CSRF_HEADER = "X-CSRF-Token"
_SESSION_COOKIE = "AppServiceAuthSession"
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def csrf_token(headers: dict[str, str]) -> str:
    """The token of this session; App Service may split its cookie over several, all of them count."""
    cookies = (pair.strip().partition("=") for pair in headers.get("cookie", "").split(";"))
    session = sorted(f"{name}={value}" for name, _, value in cookies if name.startswith(_SESSION_COOKIE))
    return hashlib.sha256("\n".join(("csrf", *session)).encode()).hexdigest()[:32]


def check_csrf(method: str, headers: dict[str, str]) -> None:
    """Raises 403 for a write by cookie without the session's token."""
    if method in _SAFE_METHODS or "authorization" in headers or "cookie" not in headers:
        return
    given = headers.get(CSRF_HEADER.lower(), "")
    if not hmac.compare_digest(given.encode(), csrf_token(headers).encode()):
        raise Problem(
            403,
            "CsrfTokenMissing",
            f"A write by cookie needs the header {CSRF_HEADER} with the token of /api/me.",
        )
