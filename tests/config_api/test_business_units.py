"""Business units: whose mail is whose, no address in two units, earlier mail looked for when one is added."""

from __future__ import annotations

import pytest

from tests.api.http_app import HttpApp
from tests.config_api.forms import configured

UNITS = "/api/config/business-units"
FINANCE = {"name": "Finance", "addresses": ["Ann@fin.example"], "domains": ["fin.example", "*.fin.example"]}


def test_a_unit_is_created_read_and_listed_by_name(app: HttpApp) -> None:
    created = app.call("POST", UNITS, {**FINANCE, "recipients": ["head@fin.example"], "description": "Money"})
    app.call("POST", UNITS, {"name": "Accounting"})

    assert created.status == 201
    assert created.headers["location"] == f"{UNITS}/{created.json['id']}"
    read = app.call("GET", created.headers["location"])
    assert (read.json, read.headers["etag"]) == (created.json, created.headers["etag"])
    assert read.json["addresses"] == ["Ann@fin.example"]
    assert read.json["archived"] is False
    assert [one["name"] for one in app.call("GET", UNITS).json["items"]] == ["Accounting", "Finance"]


def test_id_and_uuid_are_fixed(app: HttpApp) -> None:
    created = app.call("POST", UNITS, {**FINANCE, "id": "mine", "uuid": "mine"})
    assert created.json["id"] != "mine"
    changed = app.call(
        "PUT",
        f"{UNITS}/{created.json['id']}",
        {**created.json, "id": "other", "uuid": "other", "name": "Money"},
        headers={"if-match": created.headers["etag"]},
    )
    assert (changed.status, changed.json["name"]) == (200, "Money")
    assert (changed.json["id"], changed.json["uuid"]) == (created.json["id"], created.json["uuid"])


def test_a_change_needs_its_etag(app: HttpApp) -> None:
    created = app.call("POST", UNITS, FINANCE)
    path = f"{UNITS}/{created.json['id']}"
    assert app.call("PUT", path, FINANCE).status == 428
    etag = {"if-match": created.headers["etag"]}
    assert app.call("PUT", path, {**FINANCE, "name": "A"}, headers=etag).status == 200
    stale = app.call("PUT", path, {**FINANCE, "name": "B"}, headers=etag)
    assert (stale.status, stale.json["current"]["name"]) == (412, "A")
    assert app.call("PUT", f"{UNITS}/none", FINANCE, headers=etag).status == 404


@pytest.mark.parametrize(
    "field,entry",
    [("addresses", "ANN+x@fin.example"), ("domains", "FIN.example"), ("domains", "*.fin.example")],
)
def test_an_entry_of_another_unit_is_refused_and_the_unit_is_named(
    app: HttpApp, field: str, entry: str
) -> None:
    first = app.call("POST", UNITS, FINANCE)
    answer = app.call("POST", UNITS, {"name": "Human Resources", field: [entry]})
    assert (answer.status, answer.code) == (409, "AddressTaken")
    assert answer.json["businessUnit"] == {"id": first.json["id"], "name": "Finance"}
    assert answer.field_codes().keys() == {f"{field}.0"}
    assert [one["name"] for one in app.call("GET", UNITS).json["items"]] == ["Finance"]


def test_new_addresses_walk_the_look_back_window_again_and_new_words_do_not(app: HttpApp) -> None:
    configured(app)
    created = app.call("POST", UNITS, {"name": "Finance"})
    path, etag = f"{UNITS}/{created.json['id']}", {"if-match": created.headers["etag"]}
    assert rewalk_asked(app) is False

    changed = app.call("PUT", path, FINANCE, headers=etag)

    assert changed.status == 200
    assert rewalk_asked(app) is True


def rewalk_asked(app: HttpApp) -> bool:
    config = app.services.mailboxes.read("default")
    return config is not None and config.rewalk_requested_at is not None


@pytest.mark.parametrize(
    "body,mistakes",
    [
        ({}, {"name": "Required"}),
        ({"name": " "}, {"name": "BadName"}),
        ({"name": "x" * 201}, {"name": "BadName"}),
        ({"name": "F\x00"}, {"name": "BadName"}),
        ({"name": 3}, {"name": "WrongType"}),
        ({"name": "F", "addresses": ["ann"]}, {"addresses.0": "NotAnAddress"}),
        ({"name": "F", "addresses": "ann@fin.example"}, {"addresses": "WrongType"}),
        ({"name": "F", "domains": ["fin"]}, {"domains.0": "NotADomain"}),
        ({"name": "F", "domains": ["*.*.fin.example"]}, {"domains.0": "NotAHost"}),
        ({"name": "F", "recipients": ["a@b.example", "x y@z.example"]}, {"recipients.1": "NotAnAddress"}),
        ({"name": "F", "owner": "me"}, {"owner": "UnknownField"}),
        ({"name": "F", "archived": "no"}, {"archived": "WrongType"}),
    ],
)
def test_mistakes_are_told_at_their_place(
    app: HttpApp, body: dict[str, object], mistakes: dict[str, str]
) -> None:
    answer = app.call("POST", UNITS, body)
    assert answer.status == 422
    assert answer.field_codes() == mistakes
    assert app.call("GET", UNITS).json["items"] == []


def test_entries_are_kept_once(app: HttpApp) -> None:
    unit = {"name": "F", "addresses": ["ann@fin.example", "ANN@FIN.example", "ann+x@fin.example"]}
    assert app.call("POST", UNITS, unit).json["addresses"] == ["ann@fin.example"]


def test_lone_surrogates_in_names_are_refused(app: HttpApp) -> None:
    raw = b'{"name": "F\\ud800"}'
    answer = app.call("POST", UNITS, raw_body=raw, headers={"content-type": "application/json"})
    assert answer.status == 422
    assert answer.field_codes().keys() == {"name"}
