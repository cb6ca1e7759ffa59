"""A mail that could not be read at first shows once when it comes after all, whatever happened in between."""

from __future__ import annotations

import contextlib
from typing import Any

from tests.support.faults import configured, going_wrong, held_back, is_well
from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import plain_mail
from tests.support.running_sandbox import RunningSandbox


def named(sandbox: RunningSandbox, subject: str) -> list[dict[str, Any]]:
    """Mails in triage with this subject; raises where there is none."""
    found = [mail for mail in sandbox.triage() if mail["subject"] == subject]
    assert found
    return found


def test_a_record_of_an_unreadable_mail_goes_when_a_restarted_walk_can_read_it(
    sandbox: RunningSandbox,
) -> None:
    configured(sandbox)
    with contextlib.ExitStack() as faults:
        with held_back(sandbox):
            [item] = sandbox.deliver(plain_mail("corrupt@fin.example", subject="Corrupt"))
            fault = going_wrong(sandbox, "exchange", "item-error", item=item, error="ErrorCorruptData")
            faults.enter_context(fault)
        synced(sandbox, lambda: named(sandbox, "Corrupt"))
    assert named(sandbox, "Corrupt")[0]["problem"]["code"] == "ErrorCorruptData"

    with going_wrong(sandbox, "exchange", "stale-sync-state", count=1):
        sandbox.deliver(plain_mail("next@fin.example"))
        synced(sandbox, lambda: mail_with_id(sandbox, "next@fin.example"))

    def read() -> bool:
        assert any(mail["problem"] is None for mail in named(sandbox, "Corrupt"))
        return True

    sandbox.until(read)

    sandbox.until(lambda: is_well(sandbox))
    assert [mail["problem"] for mail in named(sandbox, "Corrupt")] == [None]
