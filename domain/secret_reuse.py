"""Whether a stored secret may be used for changed settings, or has to be typed again. Pure.

A stored secret goes nowhere that whoever entered it did not choose: nobody can point it at a server of their
own, or have it sent unencrypted, without knowing it.
"""

from __future__ import annotations

from domain.mailboxes import AuthenticationType, MailboxSettings


def what_asks_for_the_secret_again(before: MailboxSettings, after: MailboxSettings) -> list[str]:
    """What changed because of which the secret is to be typed again; empty: the stored one serves."""
    changed = [
        label
        for label, old, new in (
            ("server", before.incoming_server, after.incoming_server),
            ("port", before.port, after.port),
            ("tenant", before.tenant_id, after.tenant_id),
            ("app", before.app_id, after.app_id),
            ("authentication type", before.authentication_type, after.authentication_type),
        )
        if old != new
    ]
    if after.authentication_type != AuthenticationType.OAUTH2 and before.email != after.email:
        changed.append("login")  # a password is one login's
    if before.ssl_encrypted and not after.ssl_encrypted:
        changed.append("encryption")
    return changed
