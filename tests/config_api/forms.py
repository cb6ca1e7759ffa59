"""Bodies that are taken."""

from __future__ import annotations

from typing import Any

from tests.api.http_app import Answer, HttpApp

MAILBOX = "/api/config/mailboxes/default"
SECRET = "s3cret~Value.of-the-app"


def mailbox_form(**changes: Any) -> dict[str, Any]:
    """The Mailbox form, filled in; None takes a field out."""
    filled = {
        "accountType": "ews",
        "port": 443,
        "authenticationType": "oauth2",
        "email": "soc@corp.example",
        "secretKey": SECRET,
        "incomingServer": "outlook.office365.com",
        "appId": "4f1c0000-1111-2222-3333-444455559e2a",
        "tenantId": "corp.example",
        "sslEncrypted": True,
        "enabled": True,
    }
    return {name: value for name, value in {**filled, **changes}.items() if value is not None}


def configured(app: HttpApp, **changes: Any) -> Answer:
    """Creates the mailbox."""
    answer = app.call("PUT", MAILBOX, mailbox_form(**changes))
    assert answer.status == 201, answer.body
    return answer
