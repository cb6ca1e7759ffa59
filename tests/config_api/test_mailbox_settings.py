"""The Mailbox form over HTTP: stored whole or not at all, the secret in Key Vault alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.errors import AdminActionError, ConflictError, RetryLaterError
from mailbox_poll.messages import MailboxSyncMessage, read_mailbox_sync
from store.connection import StorageConnection
from tests.api.http_app import HttpApp
from tests.config_api.forms import MAILBOX, SECRET, configured, mailbox_form
from tests.store.support import all_rows


def test_saved_settings_come_back_without_the_secret(app: HttpApp, storage: StorageConnection) -> None:
    created = configured(app, secretExpiresOn="2027-05-01", authservId="mx.corp.example")
    read = app.call("GET", MAILBOX)

    assert read.status == 200
    assert read.json == created.json
    assert read.headers["etag"] == created.headers["etag"]
    assert read.json["secretSet"] is True
    assert read.json["secretSetAt"] == "2026-11-24T12:00:00Z"
    assert read.json["secretSetBy"] == "admin@corp.example"
    assert read.json["secretExpiresOn"] == "2027-05-01"
    assert read.json["tenantId"] == "corp.example"
    assert SECRET not in read.body.decode()
    assert SECRET in app.vault.versions.values()
    assert SECRET not in repr(all_rows(storage))


def test_an_enabled_mailbox_is_polled_at_once_and_one_that_is_off_is_not_due(app: HttpApp) -> None:
    etag = configured(app).headers["etag"]

    state = app.services.schedule.read("default")
    assert state is not None
    assert state.value.due_at == app.clock.now()
    [(queue, message)] = app.queue.sent
    assert queue == "mailbox-sync"
    assert read_mailbox_sync(json.dumps(message)) == MailboxSyncMessage("default", state.value.claimed_until)

    off = app.call("PUT", MAILBOX, mailbox_form(enabled=False, secretKey=None), headers={"if-match": etag})
    assert off.json["enabled"] is False
    state = app.services.schedule.read("default")
    assert state is not None
    assert (state.value.due_at, state.value.claimed_until) == (None, None)


def test_a_change_needs_the_etag_of_what_it_replaces(app: HttpApp) -> None:
    etag = configured(app).headers["etag"]
    change = mailbox_form(port=8443)

    without = app.call("PUT", MAILBOX, change)
    assert (without.status, without.code) == (428, "PreconditionRequired")

    changed = app.call("PUT", MAILBOX, change, headers={"if-match": etag})
    assert (changed.status, changed.json["port"]) == (200, 8443)

    stale = app.call("PUT", MAILBOX, mailbox_form(port=444), headers={"if-match": etag})
    assert (stale.status, stale.code) == (412, "PreconditionFailed")
    assert stale.json["current"]["port"] == 8443
    assert stale.headers["etag"] == changed.headers["etag"]


def test_what_was_read_can_be_sent_back_and_fields_left_out_stay_as_they_are(app: HttpApp) -> None:
    configured(app, lookBackDays=30, authservId="mx.corp.example")
    read = app.call("GET", MAILBOX)

    whole = app.call("PUT", MAILBOX, read.json, headers={"if-match": read.headers["etag"]})
    assert (whole.status, whole.json) == (200, read.json)

    form = mailbox_form(enabled=None, secretKey=None)
    fewer = app.call("PUT", MAILBOX, form, headers={"if-match": whole.headers["etag"]})
    assert fewer.json == read.json


def test_a_save_that_storage_made_but_answered_with_an_error_keeps_its_secret_and_succeeds(
    app: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = configured(app).headers["etag"]
    save = app.services.mailboxes.save_settings

    def made_and_repeated(*given: Any) -> str:
        save(*given)
        raise ConflictError("the repetition finds the row changed")

    monkeypatch.setattr(app.services.mailboxes, "save_settings", made_and_repeated)
    saved = app.call("PUT", MAILBOX, mailbox_form(port=8443), headers={"if-match": etag})

    assert (saved.status, saved.json["port"]) == (200, 8443)
    assert saved.headers["etag"] == app.call("GET", MAILBOX).headers["etag"]
    assert app.vault.disabled == []


def test_loser_of_two_savers_disables_its_secret_and_is_told_what_is_stored(
    app: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = configured(app).headers["etag"]

    def lost(*args: Any) -> str:
        raise ConflictError("somebody was faster")

    monkeypatch.setattr(type(app.services.mailboxes), "save_settings", lost)
    answer = app.call("PUT", MAILBOX, mailbox_form(secretKey="another"), headers={"if-match": etag})

    assert answer.status == 412
    assert answer.json["current"]["email"] == "soc@corp.example"
    [(name, version)] = app.vault.disabled
    assert app.vault.versions[name, version] == "another"


def test_loser_of_two_savers_is_told_what_is_stored_though_key_vault_is_away_by_then(
    app: HttpApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    etag = configured(app).headers["etag"]

    def lost(*args: Any) -> str:
        app.vault.fails_with = RetryLaterError("KeyVaultUnavailable", "HTTP 503")
        raise ConflictError("somebody was faster")

    monkeypatch.setattr(type(app.services.mailboxes), "save_settings", lost)
    answer = app.call("PUT", MAILBOX, mailbox_form(secretKey="another"), headers={"if-match": etag})

    assert (answer.status, answer.json["current"]["email"]) == (412, "soc@corp.example")


def test_nothing_is_stored_when_key_vault_refuses(app: HttpApp) -> None:
    app.vault.fails_with = AdminActionError("KeyVaultAccessDenied", "HTTP 403 Forbidden")

    answer = app.call("PUT", MAILBOX, mailbox_form())

    assert (answer.status, answer.code) == (502, "KeyVaultAccessDenied")
    assert "role" in answer.json["remedy"]
    assert answer.json["whoCanAct"] == "Azure administrator"
    assert app.call("GET", MAILBOX).status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"incomingServer": "mail.corp.example"},
        {"port": 8443},
        {"tenantId": "other.example"},
        {"appId": "4f1c0000-1111-2222-3333-444455550000"},
        {"sslEncrypted": False, "confirmSslOff": True},
    ],
)
def test_the_secret_is_asked_for_again_when_it_would_be_used_elsewhere(
    app: HttpApp, change: dict[str, Any]
) -> None:
    etag = configured(app).headers["etag"]

    without = app.call("PUT", MAILBOX, mailbox_form(secretKey=None, **change), headers={"if-match": etag})
    assert without.field_codes() == {"secretKey": "RequiredAgain"}

    with_it = app.call("PUT", MAILBOX, mailbox_form(**change), headers={"if-match": etag})
    assert with_it.status == 200


def test_first_save_needs_the_secret(app: HttpApp) -> None:
    answer = app.call("PUT", MAILBOX, mailbox_form(secretKey=None))
    assert answer.status == 422
    assert answer.field_codes() == {"secretKey": "Required"}


def test_a_new_secret_forgets_the_old_one_s_expiry_and_keeps_the_name(app: HttpApp) -> None:
    etag = configured(app, secretExpiresOn="2026-12-01").headers["etag"]
    assert app.call("GET", MAILBOX).json["warnings"][0]["code"] == "SecretExpiresSoon"

    changed = app.call("PUT", MAILBOX, mailbox_form(secretKey="new"), headers={"if-match": etag})

    assert changed.json["secretExpiresOn"] is None
    assert changed.json["warnings"] == []
    assert len({name for name, _ in app.vault.versions}) == 1


def test_every_change_is_in_the_activity_log_with_the_secret_as_changed(
    app: HttpApp, storage: StorageConnection
) -> None:
    configured(app)
    rows = json.dumps(
        [row for (_, _, key), row in all_rows(storage).items() if "activity" in key], default=str
    )
    assert "mailbox.created" in rows
    assert "admin@corp.example" in rows
    assert "changed" in rows
    assert SECRET not in rows


def test_ssl_is_turned_off_only_when_confirmed_and_then_warned_about(app: HttpApp) -> None:
    refused = app.call("PUT", MAILBOX, mailbox_form(sslEncrypted=False))
    assert refused.field_codes() == {"sslEncrypted": "ConfirmationNeeded"}

    taken = configured(app, sslEncrypted=False, confirmSslOff=True)
    assert [one["code"] for one in taken.json["warnings"]] == ["SslOff"]


def test_a_longer_look_back_walks_the_window_again(app: HttpApp) -> None:
    etag = configured(app).headers["etag"]
    app.call("PUT", MAILBOX, mailbox_form(secretKey=None, lookBackDays=60), headers={"if-match": etag})

    config = app.services.mailboxes.read("default")
    assert config is not None
    assert config.rewalk_requested_at == app.clock.now()


@pytest.mark.parametrize(
    "field,value,code",
    [
        ("accountType", "imap", "UnknownAccountType"),
        ("port", 0, "PortOutOfRange"),
        ("port", 65536, "PortOutOfRange"),
        ("port", "443", "WrongType"),
        ("port", True, "WrongType"),
        ("port", 443.5, "WrongType"),
        ("authenticationType", "kerberos", "UnknownAuthenticationType"),
        ("authenticationType", "ntlm", "NotForMicrosoft365"),
        ("authenticationType", "basic", "NotForMicrosoft365"),
        ("email", "soc", "NotAnAddress"),
        ("email", "CORP\\soc", "NotAnAddress"),
        ("email", "soc@corp", "NotADomain"),
        ("email", "a b@corp.example", "NotAnAddress"),
        ("email", "soc@corp.example\r\nBcc: x@y.example", "NotAnAddress"),
        ("email", 7, "WrongType"),
        ("secretKey", "", "BadSecret"),
        ("secretKey", " padded ", "BadSecret"),
        ("secretKey", 5, "WrongType"),
        ("incomingServer", "", "NotAHost"),
        ("incomingServer", "my server", "NotAHost"),
        ("incomingServer", "soc@corp.example", "UserInfoNotAllowed"),
        ("incomingServer", "https://user:pw@mail.corp.example/EWS", "UserInfoNotAllowed"),
        ("incomingServer", "mail.corp.example/owa", "PathNotAllowed"),
        ("incomingServer", "https://mail.corp.example/owa", "PathNotAllowed"),
        ("incomingServer", "ftp://mail.corp.example", "NotAHost"),
        ("incomingServer", "http://mail.corp.example", "SchemeContradiction"),
        ("incomingServer", "-mail.corp.example", "NotAHost"),
        ("incomingServer", "mail..example", "NotAHost"),
        ("incomingServer", "2130706433", "NotAHost"),
        ("incomingServer", "169.254.169.254", "AddressNotAllowed"),
        ("incomingServer", "mail.corp.example:99999", "PortOutOfRange"),
        ("appId", "4f1c", "NotAGuid"),
        ("appId", "zzzz0000-1111-2222-3333-444455559e2a", "NotAGuid"),
        ("tenantId", "corp", "NotATenant"),
        ("tenantId", "common", "NotATenant"),
        ("sslEncrypted", "yes", "WrongType"),
        ("sslEncrypted", 0, "WrongType"),
        ("enabled", "true", "WrongType"),
        ("lookBackDays", 0, "OutOfRange"),
        ("lookBackDays", 366, "OutOfRange"),
        ("secretExpiresOn", "soon", "NotADate"),
        ("secretExpiresOn", "2027-02-30", "NotADate"),
        ("authservId", "mx corp", "NotAnAuthservId"),
        ("nickname", "x", "UnknownField"),
    ],
)
def test_a_field_s_mistake_is_reported_at_the_field_and_nothing_is_stored(
    app: HttpApp, storage: StorageConnection, field: str, value: object, code: str
) -> None:
    answer = app.call("PUT", MAILBOX, mailbox_form(**{field: value}))

    assert answer.status == 422
    assert answer.field_codes() == {field: code}
    assert all(one["detail"] for one in answer.json["errors"])
    assert app.vault.versions == {}
    assert all_rows(storage) == {}


def test_all_mistakes_are_told_at_once(app: HttpApp) -> None:
    answer = app.call("PUT", MAILBOX, {"port": 0, "appId": "x", "extra": 1})
    assert answer.field_codes() == {
        "port": "PortOutOfRange",
        "email": "Required",
        "incomingServer": "Required",
        "appId": "NotAGuid",
        "extra": "UnknownField",
    }


@pytest.mark.parametrize(
    "typed,port_sent,host,port",
    [
        ("https://outlook.office365.com/EWS/Exchange.asmx", 443, "outlook.office365.com", 443),
        ("https://mail.corp.example:8443/ews/", None, "mail.corp.example", 8443),
        ("Mail.Corp.Example.", 443, "mail.corp.example", 443),
        ("mail.corp.example:444", None, "mail.corp.example", 444),
        ("bücher.example", 443, "xn--bcher-kva.example", 443),
        ("192.0.2.7", 443, "192.0.2.7", 443),
        ("localhost", 8443, "localhost", 8443),
    ],
)
def test_a_pasted_address_is_understood(
    app: HttpApp, typed: str, port_sent: int | None, host: str, port: int
) -> None:
    saved = configured(app, incomingServer=typed, port=port_sent)
    assert (saved.json["incomingServer"], saved.json["port"]) == (host, port)


@pytest.mark.parametrize(
    "email", ["müller@bücher.example", "o'brien+soc@mail.corp.example", "用户@例子.example"]
)
def test_internationalised_addresses_are_taken(app: HttpApp, email: str) -> None:
    assert configured(app, email=email).json["email"] == email


def test_if_match_on_nothing_is_refused(app: HttpApp) -> None:
    assert app.call("PUT", MAILBOX, mailbox_form(), headers={"if-match": '"x"'}).status == 412
