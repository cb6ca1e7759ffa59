"""An incident's correspondence as evidence: each message byte for byte, an index and digests, one archive."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from domain.errors import RetryLaterError
from incident_mails import export_job
from incident_mails.export_job import ExportContext, export_mails
from incident_mails.zip_format import Entry, directory, dos_time
from tests.api.http_app import HttpApp
from tests.incident_mails.stored import store_unreadable
from tests.incident_mails.test_tab import change, mail_with_token, put

PATH = "/api/incidents/INC-1/mails/export"


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as executor:
        yield executor


def context(app: HttpApp, pool: ThreadPoolExecutor, **ports: Any) -> ExportContext:
    services = app.services
    fields: dict[str, Any] = {
        "exports": services.exports,
        "tabs": services.incident_mails,
        "raw": services.raw,
        "queue": app.queue,
        "clock": app.clock,
        "pool": pool,
    }
    return ExportContext(**{**fields, **ports})


def run_queued(app: HttpApp, pool: ThreadPoolExecutor, **ports: Any) -> int:
    """Works off `mail-export`; how many messages there were."""
    count = 0
    while messages := [body for queue, body in app.queue.sent if queue == "mail-export"]:
        app.queue.sent[:] = [one for one in app.queue.sent if one[0] != "mail-export"]
        for body in messages:
            count += 1
            export_mails(context(app, pool, **ports), json.dumps(body))
    return count


def opened(content: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    return archive


def test_an_export_holds_every_message_an_index_and_digests(app: HttpApp, pool: ThreadPoolExecutor) -> None:
    put(app, "INC-1", "bu-fin", title="Phishing, Ä")
    mails = [mail_with_token(app, "INC-1", number, Subject_Extra="x") for number in (1, 2)]
    formula = mail_with_token(app, "INC-1", 3, From='"=HYPERLINK(1)" <ann@fin.example>')
    lost = store_unreadable(app, "ErrorItemNotFound")
    app.call("POST", f"/api/triage/{lost.id}", {"action": "link", "incident": "INC-1"})

    asked = app.call("GET", PATH, role="viewer")
    assert asked.status == 202
    assert (asked.json["state"], asked.json["mailsDone"], asked.json["mailsTotal"]) == ("waiting", 0, 4)
    assert app.call("GET", PATH).json["id"] == asked.json["id"]
    assert run_queued(app, pool) == 1
    whole = app.call("GET", PATH)
    assert (whole.status, whole.headers["content-type"]) == (200, "application/zip")
    assert "INC-1 mails.zip" in whole.headers["content-disposition"]

    archive = opened(whole.body)
    index = json.loads(archive.read("index.json"))
    assert [row["mailId"] for row in index] == [formula.id, mails[1].id, mails[0].id, lost.id]
    assert [row["sameAsFetched"] for row in index] == [True, True, True, None]
    assert (index[3]["file"], index[3]["problem"]) == (None, "ErrorItemNotFound")
    for row in index[:3]:
        assert archive.read(row["file"]) == app.services.raw.read(row["mailId"])
    rows = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode("utf-8-sig"))))
    assert [row["mailId"] for row in rows] == [row["mailId"] for row in index]
    assert rows[0]["from"] == "'=HYPERLINK(1) <ann@fin.example>"
    sums = dict(line.split("  ")[::-1] for line in archive.read("SHA256SUMS").decode().splitlines())
    assert sums.keys() == set(archive.namelist()) - {"SHA256SUMS"}
    assert all(hashlib.sha256(archive.read(name)).hexdigest() == digest for name, digest in sums.items())
    about = json.loads(archive.read("about.json"))
    assert (about["title"], about["requestedBy"], about["mails"]) == (
        "Phishing, Ä",
        "viewer@corp.example",
        4,
    )


def test_it_is_served_in_ranges_and_a_new_one_is_made_where_the_tab_has_changed(
    app: HttpApp, pool: ThreadPoolExecutor
) -> None:
    put(app, "INC-1", "bu-fin")
    mail = mail_with_token(app, "INC-1")
    asked = app.call("GET", PATH).json
    run_queued(app, pool)
    whole = app.call("GET", PATH)
    part = app.call("GET", PATH, headers={"Range": "bytes=0-9"})
    assert (part.status, part.body) == (206, whole.body[:10])
    assert part.headers["etag"] == whole.headers["etag"]

    change(app, "INC-1", mail, {"read": True})
    renewed = app.call("GET", PATH)
    assert (renewed.status, renewed.json["id"] != asked["id"]) == (202, True)
    assert app.call("GET", asked["url"]).body == whole.body
    assert app.call("GET", f"{PATH}?export=none").status == 404
    app.clock.move(days=2)
    app.call("GET", PATH)
    run_queued(app, pool)
    change(app, "INC-1", mail, {"read": False})
    app.call("GET", PATH)
    run_queued(app, pool)
    assert app.call("GET", asked["url"]).status == 404  # older than a day, and another one is there


class Failing:
    """A store that fails at one of its calls."""

    def __init__(self, inner: Any, at: int) -> None:
        self.inner, self.left = inner, at

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise RetryLaterError("StorageUnavailable")
            return getattr(self.inner, name)(*arguments, **named)

        return call


def test_whatever_call_fails_the_repeated_message_ends_in_the_same_archive(
    app: HttpApp, pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_job, "_STEP_MAILS", 1)
    monkeypatch.setattr(export_job, "_PAGE", 1)
    put(app, "INC-1", "bu-fin")
    for number in (1, 2):
        mail_with_token(app, "INC-1", number)
    contents = set()
    for at in range(1, 40):
        incident = {"title": f"Try {at}", "status": "open", "businessUnits": ["bu-fin"]}
        assert app.call("PUT", "/api/incidents/INC-1", incident).status == 200
        asked = app.call("GET", PATH).json
        [body] = [body for queue, body in app.queue.sent if queue == "mail-export"]
        failing = Failing(app.services.exports, at)
        try:
            export_mails(context(app, pool, exports=cast(Any, failing)), json.dumps(body))
        except RetryLaterError:
            shown = app.call("GET", asked["url"])
            assert shown.status == 202 or failing.left <= 0
            app.clock.move(minutes=5)
            app.call("GET", asked["url"])
        run_queued(app, pool)
        archive = opened(app.call("GET", asked["url"]).body)
        contents.add(tuple(archive.read(name) for name in archive.namelist() if name.startswith("mails/")))
        assert len(archive.namelist()) == 6
        if failing.left > 0:
            break
    assert len(contents) == 1
    assert at > 8


def test_two_workers_do_not_both_write(app: HttpApp, pool: ThreadPoolExecutor) -> None:
    put(app, "INC-1", "bu-fin")
    mail_with_token(app, "INC-1")
    asked = app.call("GET", PATH).json
    message = json.dumps({"incident": "INC-1", "export": asked["id"]})

    untouched: list[bool] = []

    class Second:
        """The second worker comes while the first one reads the tab."""

        def flat(self, *arguments: Any, **named: Any) -> Any:
            before = app.services.exports.read("INC-1", asked["id"])
            export_mails(context(app, pool), message)
            untouched.append(app.services.exports.read("INC-1", asked["id"]) == before)
            return app.services.incident_mails.flat(*arguments, **named)

    export_mails(context(app, pool, tabs=cast(Any, Second())), message)
    assert untouched == [True]
    assert app.call("GET", asked["url"]).status == 200


def test_the_message_that_comes_again_after_a_failure_finds_the_export_free(
    app: HttpApp, pool: ThreadPoolExecutor
) -> None:
    put(app, "INC-1", "bu-fin")
    mail_with_token(app, "INC-1")
    asked = app.call("GET", PATH).json
    message = json.dumps({"incident": "INC-1", "export": asked["id"]})
    with pytest.raises(RetryLaterError):
        export_mails(context(app, pool, raw=cast(Any, Failing(app.services.raw, 1))), message)
    export_mails(context(app, pool), message)
    assert app.call("GET", asked["url"]).status == 200


def test_a_merged_incident_is_exported_by_its_parent(app: HttpApp) -> None:
    put(app, "INC-1")
    put(app, "B")
    app.call("POST", "/api/incidents/INC-1/merge", {"into": "B"})
    refused = app.call("GET", PATH)
    assert (refused.status, refused.json["mergedInto"]) == (409, "B")
    assert app.call("GET", "/api/incidents/none/mails/export").status == 404


def test_large_archives_have_the_large_directory() -> None:
    entries = [
        Entry(f"{n}", 5_000_000_000 + n, dos_time(datetime(2026, 1, 1, tzinfo=UTC)), 0, 2, 0)
        for n in range(3)
    ]
    pieces = b"".join(directory(entries, 6_000_000_000))
    assert pieces.count(b"PK\x06\x06") == pieces.count(b"PK\x06\x07") == 1
    assert dos_time(datetime(1970, 1, 1, tzinfo=UTC)) == dos_time(datetime(1980, 1, 1, tzinfo=UTC))
