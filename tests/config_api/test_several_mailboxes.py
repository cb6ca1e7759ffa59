"""More mailboxes than `default`: listed, made, changed in part and removed, each with its own folders and
status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.errors import AdminActionError
from store.connection import StorageConnection
from tests.api.http_app import Answer, HttpApp
from tests.config_api.forms import MAILBOX, SECRET, configured, mailbox_form
from tests.store.support import all_rows

LIST = "/api/config/mailboxes"
PATCH = {"content-type": "application/merge-patch+json"}


def patched(app: HttpApp, patch: Any, etag: str | None, path: str = MAILBOX) -> Answer:
    """A JSON Merge Patch."""
    headers = {**PATCH, **({"if-match": etag} if etag else {})}
    return app.call("PATCH", path, raw_body=json.dumps(patch).encode(), headers=headers)


def removed(app: HttpApp, etag: str, path: str = MAILBOX) -> Answer:
    """A confirmed DELETE."""
    return app.call("DELETE", f"{path}?confirm=keepMail", headers={"if-match": etag})


def test_mailboxes_are_listed_with_default_first_and_paged(app: HttpApp) -> None:
    assert app.call("GET", LIST).json == {"items": [], "nextCursor": None}
    for chosen in ("legal", "abuse"):
        made = app.call("POST", LIST, mailbox_form(id=chosen))
        assert (made.status, made.headers["location"]) == (201, f"{LIST}/{chosen}")
    configured(app)

    assert [one["id"] for one in app.call("GET", LIST).json["items"]] == ["default", "abuse", "legal"]
    page = app.call("GET", f"{LIST}?limit=2").json
    assert [one["id"] for one in page["items"]] == ["default", "abuse"]
    rest = app.call("GET", f"{LIST}?limit=2&cursor={page['nextCursor']}").json
    assert [one["id"] for one in rest["items"]] == ["legal"]
    assert rest["nextCursor"] is None
    assert app.call("GET", f"{LIST}?cursor=%2F").field_codes() == {"cursor": "BadCursor"}


def test_an_id_is_made_where_none_is_chosen_and_a_taken_one_is_refused(app: HttpApp) -> None:
    made = app.call("POST", LIST, mailbox_form())
    assert made.json["id"].startswith("mailbox-")
    again = app.call("POST", LIST, mailbox_form(id=made.json["id"]))
    assert (again.status, again.code) == (409, "MailboxExists")
    configured(app)
    assert app.call("POST", LIST, mailbox_form(id="default")).code == "MailboxExists"


@pytest.mark.parametrize("bad", ["", "Legal", "a_b", "-a", "a-", "a" * 41, "test", "a/b", "ä", "a\n"])
def test_an_id_holds_small_letters_digits_and_hyphens(app: HttpApp, bad: str) -> None:
    assert app.call("POST", LIST, mailbox_form(id=bad)).field_codes() == {"id": "BadId"}


def test_each_mailbox_has_its_own_form_folders_status_and_poll(app: HttpApp) -> None:
    configured(app)
    app.call("POST", LIST, mailbox_form(id="legal", email="legal@corp.example", enabled=False))
    legal = f"{LIST}/legal"

    assert app.call("GET", legal).json["email"] == "legal@corp.example"
    assert app.call("GET", MAILBOX).json["email"] == "soc@corp.example"
    assert app.call("PUT", f"{legal}/folders", {"folders": ["id-incidents"]}).status == 200
    assert app.call("GET", f"{MAILBOX}/folders").json["chosen"] is False
    assert app.call("GET", f"{legal}/status").json["state"] == "off"
    assert app.call("POST", f"{legal}/sync").code == "MailboxOff"
    etag = app.call("GET", legal).headers["etag"]
    form = mailbox_form(email="law@corp.example", secretKey=None)
    assert app.call("PUT", legal, form, headers={"if-match": etag}).status == 200
    app.queue.sent.clear()
    assert app.call("POST", f"{legal}/sync").status == 202
    assert [message["mailboxId"] for _, message in app.queue.sent] == ["legal"]
    assert len({name for name, _ in app.vault.versions}) == 2


def test_what_is_not_configured_is_not_there_and_is_made_by_post_alone(app: HttpApp) -> None:
    other = f"{LIST}/other"
    for method, path, body in (
        ("GET", other, None),
        ("PUT", other, mailbox_form()),
        ("DELETE", other, None),
        ("GET", f"{other}/folders", None),
        ("GET", f"{other}/status", None),
        ("POST", f"{other}/sync", None),
        ("GET", f"{LIST}/~mailboxes", None),
        ("GET", f"{LIST}/%00", None),
    ):
        answer = app.call(method, path, body)
        assert (answer.status, answer.code) == (404, "MailboxNotConfigured"), (method, path)
    assert patched(app, {}, None, other).status == 404
    assert app.vault.versions == {}


def test_a_patch_changes_what_it_names_and_nothing_else(app: HttpApp) -> None:
    before = configured(app, lookBackDays=30, authservId="mx.corp.example", secretExpiresOn="2027-05-01")
    answer = patched(
        app, {"email": "ir@corp.example", "authservId": None, "lookBackDays": None}, before.headers["etag"]
    )

    assert answer.status == 200
    assert answer.json == before.json | {"email": "ir@corp.example", "authservId": None, "lookBackDays": 7}
    assert app.call("GET", MAILBOX).json == answer.json
    assert patched(app, {}, answer.headers["etag"]).json == answer.json


def test_the_toggle_alone_can_be_patched(app: HttpApp) -> None:
    etag = configured(app).headers["etag"]
    off = patched(app, {"enabled": False}, etag)
    assert off.json["enabled"] is False
    state = app.services.schedule.read("default")
    assert state is not None
    assert state.value.due_at is None


def test_the_secret_alone_can_be_patched_and_its_old_expiry_is_forgotten(app: HttpApp) -> None:
    etag = configured(app, secretExpiresOn="2027-05-01").headers["etag"]
    rotated = patched(app, {"secretKey": "rotated"}, etag)
    assert (rotated.status, rotated.json["secretExpiresOn"]) == (200, None)
    stored = app.services.mailboxes.read_settings("default")
    assert stored is not None
    assert stored.value.secret is not None
    assert app.vault.read(stored.value.secret.name, stored.value.secret.version) == "rotated"

    both = {"secretKey": "again", "secretExpiresOn": "2028-01-01"}
    assert patched(app, both, rotated.headers["etag"]).json["secretExpiresOn"] == "2028-01-01"


@pytest.mark.parametrize(
    "patch,mistakes",
    [
        ({"port": 0}, {"port": "PortOutOfRange"}),
        ({"email": None}, {"email": "Required"}),
        ({"appId": None}, {"appId": "Required", "secretKey": "RequiredAgain"}),
        ({"nickname": "x"}, {"nickname": "UnknownField"}),
        ({"tenantId": "other.example"}, {"secretKey": "RequiredAgain"}),
        ({"incomingServer": "mail.corp.example"}, {"secretKey": "RequiredAgain"}),
        ({"secretKey": None}, {"secretKey": "NotRemovable"}),
        ({"port": 444}, {"secretKey": "RequiredAgain"}),
        ({"sslEncrypted": False}, {"sslEncrypted": "ConfirmationNeeded", "secretKey": "RequiredAgain"}),
        ({"sslEncrypted": False, "confirmSslOff": True}, {"secretKey": "RequiredAgain"}),
        ({"enabled": "yes"}, {"enabled": "WrongType"}),
        ({"email": {"a": 1}}, {"email": "WrongType"}),
    ],
)
def test_a_patch_obeys_the_rules_of_the_form(
    app: HttpApp, patch: dict[str, Any], mistakes: dict[str, str]
) -> None:
    before = configured(app)
    answer = patched(app, patch, before.headers["etag"])
    assert (answer.status, answer.field_codes()) == (422, mistakes)
    assert app.call("GET", MAILBOX).json == before.json


def test_a_confirmed_lack_of_ssl_needs_no_second_confirmation_for_other_fields(app: HttpApp) -> None:
    etag = configured(app, sslEncrypted=False, confirmSslOff=True).headers["etag"]
    answer = patched(app, {"lookBackDays": 14}, etag)
    assert (answer.status, answer.json["warnings"][0]["code"]) == (200, "SslOff")


def test_a_pasted_address_in_a_patch_brings_its_port(app: HttpApp) -> None:
    etag = configured(app, port=444).headers["etag"]
    kept = patched(app, {"incomingServer": "mail.corp.example", "secretKey": "x"}, etag)
    assert (kept.json["incomingServer"], kept.json["port"]) == ("mail.corp.example", 444)
    moved = {"incomingServer": "https://mail.corp.example:8443/EWS/Exchange.asmx", "secretKey": "x"}
    assert patched(app, moved, kept.headers["etag"]).json["port"] == 8443


def test_a_patch_needs_the_etag_and_its_own_content_type(app: HttpApp) -> None:
    etag = configured(app).headers["etag"]
    assert patched(app, {"lookBackDays": 9}, None).code == "PreconditionRequired"
    assert patched(app, {"lookBackDays": 9}, '"old"').code == "PreconditionFailed"
    assert patched(app, {"lookBackDays": 9}, "*").status == 200
    as_json = app.call("PATCH", MAILBOX, {"port": 445}, headers={"if-match": etag})
    assert (as_json.status, as_json.code) == (415, "UnsupportedMediaType")
    bodies: tuple[Any, ...] = ([], "text", None, 7)
    for body in bodies:
        assert patched(app, body, etag).status == 422


def test_removal_is_confirmed_and_stops_polling_and_the_secret(
    app: HttpApp, storage: StorageConnection
) -> None:
    etag = configured(app).headers["etag"]
    app.call("PUT", f"{MAILBOX}/folders", {"folders": ["id-incidents"]})
    app.services.mailboxes.request_rewalk("default", app.clock.now())

    assert app.call("DELETE", f"{MAILBOX}?confirm=keepMail").code == "PreconditionRequired"
    asked = app.call("DELETE", MAILBOX, headers={"if-match": etag})
    assert asked.field_codes() == {"confirm": "ConfirmationNeeded"}
    assert "evidence" in asked.json["errors"][0]["detail"]
    assert removed(app, '"old"').status == 412
    assert app.vault.disabled == []

    done = removed(app, etag)

    assert (done.status, done.json["removed"], done.json["secretDisabled"]) == (200, True, True)
    assert done.json["warnings"] == []
    assert app.call("GET", MAILBOX).status == 404
    assert app.call("GET", LIST).json["items"] == []
    assert len(app.vault.disabled) == 1
    state = app.services.schedule.read("default")
    assert state is not None
    assert (state.value.due_at, state.value.claimed_until) == (None, None)
    kept = {key.partition(";")[0] for table, _, key in all_rows(storage) if table == "mailboxes"}
    assert kept == {"activity", "default"}
    assert removed(app, etag).status == 404


def test_removal_is_in_the_activity_log_with_what_the_mailbox_was(app: HttpApp) -> None:
    app.call("POST", LIST, mailbox_form(id="legal"))
    etag = app.call("GET", f"{LIST}/legal").headers["etag"]
    app.clock.move(seconds=1)
    removed(app, etag, f"{LIST}/legal")

    log = app.call("GET", "/api/config/audit")
    entry = log.json["items"][0]
    assert (entry["action"], entry["target"]) == ("mailbox.removed", "mailbox/legal")
    assert entry["before"]["email"] == "soc@corp.example"
    assert SECRET not in log.body.decode()


def test_a_secret_that_cannot_be_switched_off_is_told(app: HttpApp, monkeypatch: pytest.MonkeyPatch) -> None:
    etag = configured(app).headers["etag"]

    def refused(*args: Any) -> None:
        raise AdminActionError("KeyVaultAccessDenied")

    monkeypatch.setattr(app.vault, "disable", refused)
    answer = removed(app, etag)

    assert (answer.status, answer.json["secretDisabled"]) == (200, False)
    [warning] = answer.json["warnings"]
    assert (warning["code"], warning["cause"]) == ("SecretNotDisabled", "KeyVaultAccessDenied")
    assert "by hand" in warning["detail"]
    assert app.call("GET", MAILBOX).status == 404


def test_a_mailbox_that_is_configured_again_goes_on_where_it_stopped_under_a_new_secret_name(
    app: HttpApp,
) -> None:
    etag = configured(app).headers["etag"]
    app.call("PUT", f"{MAILBOX}/folders", {"folders": ["id-incidents"]})
    first = {name for name, _ in app.vault.versions}
    removed(app, etag)
    configured(app)
    assert app.call("GET", f"{MAILBOX}/folders").json["chosen"] is False
    assert {name for name, _ in app.vault.versions} - first
    state = app.services.schedule.read("default")
    assert state is not None
    assert state.value.due_at == app.clock.now()
