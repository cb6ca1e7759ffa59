"""Lets things go wrong in a running sandbox, and reads what its status tells an admin about it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from domain.remedies import KNOWN_CODES
from tests.support.mail_arrival import mail_with_id
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox

NOBODY = "nobody"


@contextlib.contextmanager
def going_wrong(sandbox: RunningSandbox, part: str, kind: str, **options: Any) -> Iterator[None]:
    """`fault add`, and `fault clear` of the same fault at the end. Options as the command's, with `_`."""
    arguments = [
        one for name, value in options.items() for one in (f"--{name.replace('_', '-')}", str(value))
    ]
    number = sandbox.command("fault", "add", part, kind, *arguments).strip()
    try:
        yield
    finally:
        if any(f'"id": {number}}}' in line for line in sandbox.command("fault", "list").splitlines()):
            sandbox.command("fault", "clear", number)


def held_back(sandbox: RunningSandbox) -> contextlib.AbstractContextManager[None]:
    """Meanwhile the server answers nothing, so that faults about an item come before its first fetch."""
    return going_wrong(sandbox, "exchange", "status", status=500)


def configured(sandbox: RunningSandbox) -> None:
    """The mailbox, a business unit of fin.example, and a first mail that has arrived: the walk is over."""
    sandbox.configure()
    sandbox.add_unit("Finance", domains=["fin.example"])
    sandbox.deliver(plain_mail("begin@fin.example"))
    sandbox.sync()
    sandbox.until(lambda: mail_with_id(sandbox, "begin@fin.example"))
    sandbox.until(lambda: inbox(sandbox)["state"] == "receiving")


def inbox(sandbox: RunningSandbox) -> dict[str, Any]:
    """The first folder's part of the status."""
    return dict(sandbox.status()["folders"][0])


def calls(sandbox: RunningSandbox, part: str) -> dict[str, int]:
    """How often each operation of a part was called since the start."""
    counted: dict[str, dict[str, int]] = json.loads(sandbox.command("calls"))
    return counted.get(part, {})


def failure(sandbox: RunningSandbox, *codes: str) -> dict[str, Any]:
    """The failure that the status shows, of the mailbox or else of its first folder, which has to be one of
    `codes`, told in words of its own that say what to do."""
    status = sandbox.status()
    shown = status["error"] or next(
        (folder["error"] for folder in status["folders"] if folder["error"]), None
    )
    assert shown is not None, f"the status shows no failure: {status['state']}"
    assert shown["code"] in codes, shown
    assert shown["code"] in KNOWN_CODES, f"no words for {shown['code']}"
    for field in ("title", "detail", "remedy", "whoCanAct", "since"):
        assert shown[field], f"{field} of {shown['code']} is empty"
    return dict(shown)


def is_well(sandbox: RunningSandbox) -> bool:
    """No failure is shown any more, and mail is being received."""
    status = sandbox.status()
    assert status["error"] is None, status["error"]
    assert [folder["error"] for folder in status["folders"]] == [None] * len(status["folders"])
    assert status["state"] == "receiving", status["state"]
    return True
