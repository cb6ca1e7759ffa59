"""The Email Server: by the mailbox, or by an SMTP server whose password never comes out again."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import ConflictError, RetryLaterError
from tests.api.http_app import Answer, HttpApp

PATH = "/api/config/email-server"
PASSWORD = "s3cret~of-the-relay"
SMTP = {
    "kind": "smtp",
    "host": "smtp.corp.example",
    "userName": "soc",
    "password": PASSWORD,
    "senderName": "Security Operations",
    "signature": "Your SOC\n",
}


def put(app: HttpApp, body: object, **options: Any) -> Answer:
    """Changes what is there now."""
    etag = app.call("GET", PATH).headers["etag"]
    return app.call("PUT", PATH, body, headers={"if-match": etag}, **options)


def smtp(**changes: Any) -> dict[str, Any]:
    """The SMTP form; None takes a field out."""
    return {name: value for name, value in {**SMTP, **changes}.items() if value is not None}


def test_mail_goes_out_by_the_mailbox_until_somebody_says_otherwise(app: HttpApp) -> None:
    answer = app.call("GET", PATH)
    assert (answer.json["kind"], answer.json["host"], answer.json["passwordSet"]) == ("ews", None, False)
    assert answer.json["warnings"] == []


def test_an_smtp_server_is_stored_and_its_password_goes_to_key_vault_alone(app: HttpApp) -> None:
    saved = put(app, SMTP)
    assert saved.status == 200
    assert (saved.json["port"], saved.json["security"]) == (587, "starttls")
    assert saved.json["passwordSet"] is True
    assert saved.json["passwordSetBy"] == "admin@corp.example"
    assert saved.json["passwordSetAt"] == "2026-11-24T12:00:00Z"
    [((name, version), value)] = app.vault.versions.items()
    assert (value, name.startswith("email-server-"), version) == (PASSWORD, True, "v1")
    log = app.call("GET", "/api/config/audit")
    assert log.json["items"][0]["after"]["password"] == "changed"
    for answer in (saved, app.call("GET", PATH), log):
        assert PASSWORD.encode() not in answer.body


def test_the_answer_can_be_edited_and_put_and_the_password_stays(app: HttpApp) -> None:
    body = put(app, SMTP).json
    app.clock.move(seconds=1)
    changed = put(app, {**body, "senderName": "SOC"})
    assert (changed.status, changed.json) == (200, {**body, "senderName": "SOC"})
    assert len(app.vault.versions) == 1
    assert "password" not in app.call("GET", "/api/config/audit").json["items"][0]["after"]


@pytest.mark.parametrize(
    "change", [{"host": "smtp.other.example"}, {"port": 588}, {"security": "tls"}, {"userName": "other"}]
)
def test_a_password_is_sent_nowhere_new_unless_it_is_typed_again(
    app: HttpApp, change: dict[str, object]
) -> None:
    put(app, SMTP)
    refused = put(app, smtp(**change, password=None))
    assert refused.field_codes() == {"password": "RequiredAgain"}
    typed = put(app, smtp(**change, password="another"))
    assert typed.status == 200
    assert sorted(app.vault.versions.values()) == ["another", PASSWORD]
    assert len({name for name, _ in app.vault.versions}) == 1


def test_a_password_that_is_no_longer_used_is_switched_off(app: HttpApp) -> None:
    put(app, SMTP)
    [(name, version)] = app.vault.versions
    assert put(app, {"kind": "ews"}).json["passwordSet"] is False
    assert app.vault.disabled == [(name, version)]
    again = put(app, smtp(password=None))
    assert again.field_codes() == {"password": "Required"}


def test_an_smtp_server_may_need_no_sign_in(app: HttpApp) -> None:
    saved = put(app, smtp(userName=None, password=None, port=2525))
    assert (saved.status, saved.json["userName"], saved.json["passwordSet"]) == (200, None, False)


def test_without_tls_only_after_a_confirmation_and_with_a_warning_from_then_on(app: HttpApp) -> None:
    refused = put(app, smtp(security="none"))
    assert refused.field_codes() == {"security": "ConfirmationNeeded"}
    saved = put(app, smtp(security="none", confirmUnencrypted=True))
    assert (saved.status, saved.json["port"]) == (200, 25)
    assert [one["code"] for one in app.call("GET", PATH).json["warnings"]] == ["SmtpUnencrypted"]


def test_key_vault_away_leaves_everything_as_it_was(app: HttpApp) -> None:
    before = app.call("GET", PATH)
    app.vault.fails_with = RetryLaterError("KeyVaultUnavailable")
    assert put(app, SMTP).status == 503
    assert app.call("GET", PATH).headers["etag"] == before.headers["etag"]
    assert app.call("GET", "/api/config/audit").json["items"] == []


def test_a_save_that_storage_made_but_answered_with_an_error_keeps_its_password_and_succeeds(
    app: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = app.services.settings.save

    def made_and_repeated(*given: Any) -> str:
        save(*given)
        raise ConflictError("the repetition finds the row changed")

    monkeypatch.setattr(app.services.settings, "save", made_and_repeated)
    saved = put(app, SMTP)

    assert (saved.status, saved.json["passwordSet"]) == (200, True)
    assert saved.headers["etag"] == app.call("GET", PATH).headers["etag"]
    assert app.vault.disabled == []


def test_of_two_savers_the_slower_ones_password_is_switched_off(app: HttpApp) -> None:
    stale = app.call("GET", PATH).headers["etag"]
    write = app.vault.write

    def write_while_another_saves(name: str, value: str) -> str:
        app.vault.write = write  # type: ignore[method-assign] # the test's seam
        assert put(app, {"kind": "ews", "senderName": "faster"}).status == 200
        return write(name, value)

    app.vault.write = write_while_another_saves  # type: ignore[method-assign] # the test's seam
    answer = app.call("PUT", PATH, SMTP, headers={"if-match": stale})
    assert (answer.status, answer.json["current"]["senderName"]) == (412, "faster")
    assert [version for _, version in app.vault.disabled] == ["v1"]


@pytest.mark.parametrize(
    "body,mistakes",
    [
        ({}, {"kind": "Required"}),
        ({"kind": "graph"}, {"kind": "UnknownKind"}),
        ({"kind": "smtp"}, {"host": "Required"}),
        ({"kind": "ews", "host": "smtp.corp.example"}, {"host": "NotForEws"}),
        (
            {"kind": "ews", "userName": "a", "password": "b"},
            {"userName": "NotForEws", "password": "NotForEws"},
        ),
        (smtp(host="https://smtp.corp.example"), {"host": "NotAHost"}),
        (smtp(host="smtp.corp.example:587"), {"host": "NotAHost"}),
        (smtp(host="user@smtp.corp.example"), {"host": "NotAHost"}),
        (smtp(host="169.254.169.254"), {"host": "AddressNotAllowed"}),
        (smtp(host="a..b"), {"host": "NotAHost"}),
        (smtp(port=0), {"port": "PortOutOfRange"}),
        (smtp(port=65_536), {"port": "PortOutOfRange"}),
        (smtp(port="25"), {"port": "WrongType"}),
        (smtp(security="ssl"), {"security": "UnknownSecurity"}),
        (smtp(password=None), {"password": "Required"}),
        (smtp(userName=None), {"userName": "Required"}),
        (smtp(userName="a\nb"), {"userName": "BadText"}),
        (smtp(password="a\nb"), {"password": "BadSecret"}),
        (smtp(senderName="SOC\r\nBcc: all@corp.example"), {"senderName": "BadText"}),
        (smtp(signature="x" * 4_001), {"signature": "BadText"}),
        (smtp(signature="\x00"), {"signature": "BadText"}),
        (smtp(ssl=True), {"ssl": "UnknownField"}),
    ],
)
def test_mistakes_are_told_at_their_field_and_nothing_is_stored(
    app: HttpApp, body: dict[str, object], mistakes: dict[str, str]
) -> None:
    answer = put(app, body)
    assert (answer.status, answer.field_codes()) == (422, mistakes)
    assert PASSWORD.encode() not in answer.body
    assert app.vault.versions == {}
    assert app.call("GET", PATH).json["kind"] == "ews"
