"""The Business Unit Mails tab as analysts and Respond use it, with real mail, queues and storage."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox, running_sandbox


class Desk:
    """An analyst's and Respond's hands."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        self.sandbox = sandbox

    def put(self, incident: str, *units: str, status: str = "open") -> Any:
        body = {"title": f"Case {incident}", "status": status, "businessUnits": list(units)}
        path = f"/api/incidents/{quote(incident, safe='')}"
        answer = self.sandbox.call("PUT", path, body, role="respond")
        assert answer.status in (200, 201), answer.body
        return self.sandbox.call("GET", path, role="respond").json

    def tab(self, incident: str, query: str = "view=flat") -> Any:
        path = f"/api/incidents/{quote(incident, safe='')}/mails?{query}"
        answer = self.sandbox.call("GET", path, role="analyst")
        assert answer.status == 200, answer.body
        return answer.json

    def ids(self, incident: str) -> list[str]:
        return [one["internetMessageId"].strip("<>") for one in self.tab(incident)["items"]]

    def change(self, incident: str, mail: str, body: object) -> Any:
        path = f"/api/incidents/{quote(incident, safe='')}/mails/{mail}"
        answer = self.sandbox.call("PATCH", path, body, role="analyst")
        assert answer.status == 200, answer.body
        return answer.json

    def deliver(self, *raw: bytes) -> None:
        self.sandbox.deliver(*raw)
        self.sandbox.sync()

    def until_in(self, incident: str, message_id: str) -> dict[str, Any]:
        def found() -> dict[str, Any]:
            items = self.tab(incident)["items"]
            [mail] = [one for one in items if one["internetMessageId"] == f"<{message_id}>"]
            return dict(mail)

        return self.sandbox.until(lambda: _or_fail(found))

    def until_waiting(self, message_id: str) -> dict[str, Any]:
        def found() -> dict[str, Any]:
            [mail] = [one for one in self.sandbox.triage() if one["internetMessageId"] == f"<{message_id}>"]
            return dict(mail)

        return self.sandbox.until(lambda: _or_fail(found))


def _or_fail(found: Any) -> Any:
    try:
        return found()
    except ValueError as error:
        raise AssertionError(str(error)) from error


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with running_sandbox(Path(tmp_path_factory.mktemp("sandbox"))) as sandbox:
        sandbox.configure()
        yield Desk(sandbox)


@pytest.fixture(scope="module")
def finance(desk: Desk) -> str:
    return str(desk.sandbox.add_unit("Finance", domains=["fin.example"])["id"])


def test_a_thread_begins_with_a_token_and_goes_on_by_reference(desk: Desk, finance: str) -> None:
    incident = desk.put("INC/1 ä#?", finance)
    subject = f"[EXTERNAL] AW: {incident['subjectToken'].upper()} Login"
    desk.deliver(
        plain_mail("token@fin.example", subject=subject),
        plain_mail("answer@fin.example", in_reply_to="token@fin.example"),
        plain_mail("law@lawyer.example", sender="law@lawyer.example", in_reply_to="answer@fin.example"),
    )
    by_token = desk.until_in("INC/1 ä#?", "token@fin.example")
    assert (by_token["link"]["rule"], by_token["link"]["state"]) == ("token", "linked")
    assert desk.until_in("INC/1 ä#?", "answer@fin.example")["link"]["rule"] == "reference"
    assert desk.until_in("INC/1 ä#?", "law@lawyer.example")["marks"] == ["unverifiedSender"]
    assert desk.sandbox.triage() == []
    listed = desk.tab("INC/1 ä#?")
    assert (listed["stale"], listed["counts"]["mails"], listed["counts"]["unverified"]) == (False, 3, 1)
    path = f"/api/incidents/{quote('INC/1 ä#?', safe='')}/mails/{by_token['id']}"
    assert desk.sandbox.call("GET", f"{path}/raw").body.endswith(b"We saw a login at night.\n")
    assert desk.sandbox.call("GET", f"/api/incidents/other/mails/{by_token['id']}").status == 404


def test_a_page_that_asks_again_gets_nothing_for_nothing(desk: Desk, finance: str) -> None:
    desk.put("INC-2", finance, status="closed")
    path = "/api/incidents/INC-2/mails"

    def is_unchanged() -> bool:
        tag = desk.sandbox.call("GET", path).headers["etag"]
        again = desk.sandbox.call("GET", path, headers={"If-None-Match": tag})
        return (again.status, again.body) == (304, b"")

    assert desk.sandbox.until(is_unchanged)


def test_a_suggestion_is_made_when_the_incident_comes_after_the_mail_and_is_refused(desk: Desk) -> None:
    unit = desk.sandbox.add_unit("HR", domains=["hr.example"])["id"]
    desk.deliver(plain_mail("early@hr.example", sender="ivo@hr.example", subject="Lost badge"))
    mail = desk.until_waiting("early@hr.example")
    assert mail["candidates"] == []
    desk.put("INC-3", unit)
    suggested = desk.until_in("INC-3", "early@hr.example")
    assert (suggested["link"]["rule"], suggested["marks"]) == ("businessUnit", ["suggested"])
    refused = desk.change("INC-3", mail["id"], {"suggestion": "refuse"})
    [candidate] = desk.until_waiting("early@hr.example")["candidates"]
    assert (candidate["incident"], "refused" in candidate["reasons"]) == ("INC-3", True)
    desk.change("INC-3", mail["id"], {"undo": refused["undo"]})
    assert desk.ids("INC-3") == ["early@hr.example"]


def test_triage_links_many_at_once_and_takes_it_back(desk: Desk) -> None:
    desk.sandbox.add_unit("Sales", domains=["sales.example"])
    names = [f"many-{number}@sales.example" for number in range(3)]
    desk.deliver(*(plain_mail(name, sender="eva@sales.example") for name in names))
    mails = [desk.until_waiting(name)["id"] for name in names]
    desk.put("INC-4")
    body = {"mails": mails, "action": "link", "incident": "INC-4"}
    done = desk.sandbox.call("POST", "/api/triage", body, role="analyst").json["items"]
    assert [one["status"] for one in done] == [200] * 3
    assert sorted(desk.ids("INC-4")) == names
    undo = {"mails": mails, "action": "undo", "change": done[0]["undo"]}
    assert desk.sandbox.call("POST", "/api/triage", undo, role="analyst").status == 200
    assert desk.ids("INC-4") == []
    dismissed = desk.sandbox.call("POST", f"/api/triage/{mails[0]}", {"action": "dismiss"}, role="analyst")
    assert dismissed.status == 200
    assert len([one for one in desk.sandbox.triage() if one["id"] in mails]) == 2


def test_a_moved_mail_takes_its_answers_along_and_a_merge_shows_all_in_one(desk: Desk, finance: str) -> None:
    token = desk.put("INC-5", finance, status="closed")["subjectToken"]
    desk.put("INC-6", finance, status="closed")
    desk.deliver(
        plain_mail("first@fin.example", subject=f"Re: {token}"),
        plain_mail("second@fin.example", in_reply_to="first@fin.example"),
    )
    first = desk.until_in("INC-5", "first@fin.example")
    desk.until_in("INC-5", "second@fin.example")
    moved = desk.change("INC-5", first["id"], {"incident": "INC-6"})
    desk.until_in("INC-6", "second@fin.example")
    assert desk.ids("INC-5") == []
    desk.change("INC-5", first["id"], {"undo": moved["undo"]})
    desk.until_in("INC-5", "second@fin.example")
    changes = desk.sandbox.call("GET", "/api/incidents/INC-5/mails/changes").json
    kinds = [one["kind"] for one in changes["items"] if one["mail"] == first["id"]]
    assert kinds == ["added", "removed", "added"]
    merged = desk.sandbox.call("POST", "/api/incidents/INC-5/merge", {"into": "INC-6"}, role="respond")
    assert merged.status == 200
    assert desk.tab("INC-5")["mergedInto"] == "INC-6"
    assert sorted(desk.ids("INC-6")) == ["first@fin.example", "second@fin.example"]


def test_an_export_is_written_by_its_job(desk: Desk) -> None:
    path = "/api/incidents/INC-6/mails/export"
    asked = desk.sandbox.call("GET", path, role="analyst")
    assert asked.status == 202
    whole = desk.sandbox.until(lambda: _done(desk, asked.json["url"]))
    archive = zipfile.ZipFile(io.BytesIO(whole))
    assert archive.testzip() is None
    assert len(json.loads(archive.read("index.json"))) == 2


def _done(desk: Desk, url: str) -> bytes:
    answer = desk.sandbox.call("GET", url, role="analyst")
    assert answer.status == 200, answer.body
    return answer.body


def test_a_rotated_key_leaves_old_tokens_valid(desk: Desk, finance: str) -> None:
    old = desk.put("INC-7", finance, status="closed")["subjectToken"]
    assert desk.sandbox.call("POST", "/api/config/subject-token-key/rotate").json["keys"] == 2
    desk.deliver(plain_mail("old@fin.example", subject=f"AW: {old}"))
    assert desk.until_in("INC-7", "old@fin.example")["link"]["rule"] == "token"
