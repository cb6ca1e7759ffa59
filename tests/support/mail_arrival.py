"""What a test of the whole app waits for: a mail in triage, once; a status that says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from tests.support.running_sandbox import RunningSandbox

T = TypeVar("T")


def mail_with_id(sandbox: RunningSandbox, message_id: str) -> dict[str, Any]:
    """The mail in triage; raises where it is not there, or twice."""
    found = [mail for mail in sandbox.triage() if mail["internetMessageId"] == f"<{message_id}>"]
    assert len(found) == 1, f"{message_id}: {len(found)} times in triage"
    return found[0]


def synced(sandbox: RunningSandbox, what: Callable[[], T], seconds: float = 45.0) -> T:
    """What holds after *Sync now*."""
    sandbox.sync()
    return sandbox.until(what, seconds)
