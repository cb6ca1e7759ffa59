"""Mailboxes of an Exchange Server: NTLM and Basic in the form."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.http_app import HttpApp
from tests.config_api.forms import MAILBOX, SECRET, configured, mailbox_form

BOTH = pytest.mark.parametrize("kind", ["ntlm", "basic"])


def on_premises(kind: str, **changes: Any) -> dict[str, Any]:
    return {
        "authenticationType": kind,
        "incomingServer": "mail.corp.example",
        "email": "CORP\\soc",
        "appId": None,
        "tenantId": None,
        **changes,
    }


@BOTH
@pytest.mark.parametrize("login", ["CORP\\soc", "corp.example\\soc mailbox", "soc@corp.example", "CORP\\søc"])
def test_a_login_and_a_password_are_enough(app: HttpApp, kind: str, login: str) -> None:
    saved = configured(app, **on_premises(kind, email=login)).json

    assert (saved["authenticationType"], saved["email"]) == (kind, login)
    assert saved["secretSet"] is True
    assert list(app.vault.versions.values()) == [SECRET]
    assert "appId" in saved


@BOTH
@pytest.mark.parametrize(
    "login, code",
    [
        ("soc", "NotALogin"),
        ("\\soc", "NotALogin"),
        ("CORP\\", "NotALogin"),
        ("CORP\\a\\b", "NotALogin"),
        ("CORP\\a:b", "NotALogin"),
        ("CORP\\a\nb", "NotALogin"),
        ("CORP\\" + "a" * 64, "NotALogin"),
        ("soc@", "NotAnAddress"),
    ],
)
def test_what_is_no_login_is_refused_at_the_field(app: HttpApp, kind: str, login: str, code: str) -> None:
    answer = app.call("PUT", MAILBOX, mailbox_form(**on_premises(kind, email=login)))

    assert answer.field_codes() == {"email": code}


@BOTH
@pytest.mark.parametrize("server", ["outlook.office365.com", "webmail.apps.mil", "partner.outlook.cn"])
def test_microsoft_365_takes_no_password(app: HttpApp, kind: str, server: str) -> None:
    answer = app.call("PUT", MAILBOX, mailbox_form(**on_premises(kind, incomingServer=server)))

    assert answer.field_codes() == {"authenticationType": "NotForMicrosoft365"}


def test_a_login_is_no_address_for_oauth(app: HttpApp) -> None:
    answer = app.call("PUT", MAILBOX, mailbox_form(email="CORP\\soc"))

    assert answer.field_codes() == {"email": "NotAnAddress"}


@BOTH
def test_a_password_over_plain_http_needs_a_confirmation(app: HttpApp, kind: str) -> None:
    form = mailbox_form(**on_premises(kind, sslEncrypted=False))

    assert app.call("PUT", MAILBOX, form).field_codes() == {"sslEncrypted": "ConfirmationNeeded"}
    assert app.call("PUT", MAILBOX, {**form, "confirmSslOff": True}).status == 201


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "CORP\\other"},
        {"incomingServer": "other.corp.example"},
        {"authenticationType": "basic"},
        {
            "authenticationType": "oauth2",
            "email": "soc@corp.example",
            "appId": "4f1c0000-1111-2222-3333-444455559e2a",
            "tenantId": "corp.example",
        },
    ],
)
def test_the_password_is_asked_again_for_another_login_server_or_way(
    app: HttpApp, changes: dict[str, Any]
) -> None:
    saved = configured(app, **on_premises("ntlm"))
    form = mailbox_form(**{**on_premises("ntlm"), "secretKey": None, **changes})

    answer = app.call("PUT", MAILBOX, form, headers={"if-match": saved.headers["etag"]})

    assert answer.field_codes() == {"secretKey": "RequiredAgain"}


def test_an_unchanged_login_keeps_its_password(app: HttpApp) -> None:
    saved = configured(app, **on_premises("ntlm"))
    form = mailbox_form(**on_premises("ntlm", secretKey=None, lookBackDays=30))

    assert app.call("PUT", MAILBOX, form, headers={"if-match": saved.headers["etag"]}).status == 200
