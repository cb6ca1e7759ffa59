"""A mailbox as the API shows it: everything but its secret."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from api.models import rfc3339
from domain.mailboxes import MailboxSettings

_WARN_BEFORE = timedelta(days=30)


def mailbox_json(settings: MailboxSettings, today: date) -> dict[str, object]:
    """The body of `GET /api/config/mailboxes/{id}`."""
    secret = settings.secret
    return {
        "id": settings.mailbox_id,
        "accountType": settings.account_type,
        "port": settings.port,
        "authenticationType": settings.authentication_type.value,
        "email": settings.email,
        "incomingServer": settings.incoming_server,
        "appId": settings.app_id,
        "tenantId": settings.tenant_id,
        "sslEncrypted": settings.ssl_encrypted,
        "enabled": settings.enabled,
        "lookBackDays": settings.look_back_days,
        "authservId": settings.authserv_id,
        "secretSet": secret is not None,
        "secretSetAt": rfc3339(secret.set_at) if secret else None,
        "secretSetBy": secret.set_by if secret else None,
        "secretExpiresOn": secret.expires_on.isoformat() if secret and secret.expires_on else None,
        "warnings": mailbox_warnings(settings, today),
    }


def mailbox_warnings(settings: MailboxSettings, today: date) -> list[dict[str, object]]:
    """What to show wherever the mailbox is shown."""
    found: list[dict[str, object]] = []
    if not settings.ssl_encrypted:
        found.append(
            warning(
                "SslOff",
                "SSL is off: mail and sign-in travel unencrypted",
                "Whoever is on the way between this app and the server can read them. Turn SSL Encrypted on.",
            )
        )
    expires_on = settings.secret.expires_on if settings.secret else None
    if expires_on is not None and expires_on < today:
        found.append(
            warning(
                "SecretExpired",
                "The secret key has expired",
                f"It expired on {expires_on.isoformat()}. Enter a new one as Secret Key.",
            )
        )
    elif expires_on is not None and expires_on - today <= _WARN_BEFORE:
        found.append(
            warning(
                "SecretExpiresSoon",
                "The secret key expires soon",
                f"It expires on {expires_on.isoformat()}. Make a new one in time and enter it as Secret Key.",
            )
        )
    return found


def warning(code: str, title: str, detail: str) -> dict[str, object]:
    """One warning."""
    return {"code": code, "title": title, "detail": detail}


def logged(settings: MailboxSettings | None, now: datetime) -> dict[str, object] | None:
    """The mailbox as the activity log keeps it."""
    if settings is None:
        return None
    shown = mailbox_json(settings, now.date())
    del shown["warnings"]
    return shown
