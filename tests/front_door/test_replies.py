"""A conversation through the front door: a new mail, its answer, a reply posted by many at once; each leaves
once and stands in the tab once, also when the poll has found the copy in Sent Items."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from sandbox.control.client import ControlClient
from sandbox.state import load
from tests.support.running_sandbox import RunningSandbox

INCIDENT = "/api/incidents/INC-77"
SENT = ("sent", "failed", "unconfirmed")


def post(sandbox: RunningSandbox, body: dict[str, Any], key: str) -> Any:
    return sandbox.call("POST", f"{INCIDENT}/replies", body, headers={"Idempotency-Key": key})


def ended(sandbox: RunningSandbox, location: str) -> dict[str, Any]:
    def state() -> dict[str, Any] | None:
        shown = sandbox.call("GET", location).json
        return dict(shown) if shown["state"] in SENT else None

    found = sandbox.until(state)
    assert found is not None
    return found


def left(sandbox: RunningSandbox, message_id: str) -> list[Any]:
    """The mails with this Message-ID that left the mail server."""
    found = []
    for one in ControlClient(load(sandbox.data)).run("outbound"):
        mail = message_from_bytes(Path(one["eml"]).read_bytes(), policy=policy.default)
        if str(mail["Message-ID"]).strip() == message_id:
            found.append(mail)
    return found


def shown(sandbox: RunningSandbox) -> list[Any]:
    """Mails that people wrote: nobody has the address that is written to, so there are bounces too."""
    return list(sandbox.call("GET", f"{INCIDENT}/mails?view=flat&kind=mail").json["items"])


@pytest.mark.timeout(300)
def test_a_conversation_leaves_and_is_shown_once(sandbox: RunningSandbox) -> None:
    unit = sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.configure(enabled=True)
    tree = sandbox.call("GET", "/api/config/mailboxes/default/folders").json
    folders = [one["id"] for one in tree["items"] if one["path"] in ("Inbox", "Sent Items")]
    answer = sandbox.call("PUT", "/api/config/mailboxes/default/folders", {"folders": folders})
    assert (answer.status, len(folders)) == (200, 2), answer.body
    incident = {"title": "Invoice", "status": "open", "businessUnits": [unit["id"]]}
    assert sandbox.call("PUT", INCIDENT, incident).status == 201

    new = {"mode": "new", "to": ["ann@fin.example"], "subject": "Your invoice", "text": "Is this yours?"}
    first = post(sandbox, new, "new")
    assert first.status == 202, first.body
    told = ended(sandbox, first.headers["location"])
    assert (told["state"], told["outcomes"][0]["state"]) == ("sent", "accepted")
    [mail] = sandbox.until(lambda: left(sandbox, told["messageId"]))
    assert "[INC-77 " in mail["Subject"]

    sandbox.deliver(
        b"From: Ann <ann@fin.example>\r\nTo: soc@corp.example\r\nSubject: AW: Your invoice\r\n"
        b"Message-ID: <a1@fin.example>\r\nIn-Reply-To: " + told["messageId"].encode() + b"\r\n\r\nNo."
    )
    sandbox.call("POST", "/api/config/mailboxes/default/sync")
    question = sandbox.until(
        lambda: next((one for one in shown(sandbox) if one["direction"] == "incoming"), None)
    )
    assert question is not None
    assert question["link"]["rule"] == "reference"

    reply = {"mode": "reply", "inReplyTo": question["id"], "html": "<p>Thank you, Ann.</p>"}
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: post(sandbox, reply, "one key"), range(20)))
    assert {one.status for one in answers} == {202}, [one.body for one in answers if one.status != 202]
    [location] = {one.headers["location"] for one in answers}
    told = ended(sandbox, location)
    assert told["state"] == "sent", told
    [mail] = sandbox.until(lambda: left(sandbox, told["messageId"]))
    assert mail["In-Reply-To"] == "<a1@fin.example>"
    text = mail.get_body(("plain",))
    assert text is not None
    assert "> No." in text.get_content()

    def polled() -> bool:
        sandbox.call("POST", "/api/config/mailboxes/default/sync")
        status = sandbox.call("GET", "/api/config/mailboxes/default/status").json
        return bool(sum(one["counts"]["tracked"] for one in status["folders"]) >= 3)

    sandbox.until(polled)
    assert sorted(one["direction"] for one in shown(sandbox)) == ["incoming", "outgoing", "outgoing"]
    assert {one["delivery"]["state"] for one in shown(sandbox) if one["delivery"]} == {"sent"}
    assert len(left(sandbox, told["messageId"])) == 1
