"""A sandbox to measure against, with a mailbox full of mails, and the product's use cases in this process.

The sandbox's own worker stays idle: the mailbox is written straight into the stores and is never due.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sandbox.control.client import ControlClient
from sandbox.state import load
from tests.support.running_sandbox import RunningSandbox, running_sandbox

ROOT = Path(__file__).resolve().parent.parent
MAIL_BYTES = 37_000
MAILBOX = "soc@corp.example"
_NEVER = "0 0 0 29 2 *"
HELD_TIMERS = (
    f"--setting=MAILBOX_POLL_SCHEDULE={_NEVER}",
    f"--setting=PENDING_SWEEP_SCHEDULE={_NEVER}",
    "--setting=MAILBOX_POLL_INTERVAL_SECONDS=1",
)
"""Options of a sandbox whose timers run when they are told to alone."""
HELD_QUEUES = (
    "--setting=AzureWebJobs.mailbox_sync.Disabled=true",
    "--setting=AzureWebJobs.folder_sync.Disabled=true",
)
"""Options of a sandbox that leaves queue messages where they are."""


@contextlib.contextmanager
def world(*options: str) -> Iterator[RunningSandbox]:
    """A running, empty sandbox; its settings are this process's environment while the block runs."""
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder) / "data", *options) as sandbox:
        settings = json.loads((sandbox.data / "host" / "app-settings.json").read_text())
        before = dict(os.environ)
        os.environ.update(settings)
        try:
            yield sandbox
        finally:
            os.environ.clear()
            os.environ.update(before)
            _forget_adapters()


def _forget_adapters() -> None:
    """The next sandbox has other addresses."""
    import wiring

    for made in vars(wiring).values():
        if callable(forget := getattr(made, "cache_clear", None)):
            forget()


def mail(number: int, size_bytes: int = MAIL_BYTES) -> bytes:
    """A unit's answer with text, HTML and an attachment, of about `size_bytes`."""
    noise = random.Random(number)
    message = EmailMessage()
    message["Received"] = (
        "from mx.fin.example by mx.corp.example with ESMTPS; Tue, 24 Nov 2026 10:00:00 +0000"
    )
    message["From"] = f"Ann Ivić <ann{number % 50}@fin.example>"
    message["To"] = "SOC <soc@corp.example>, Ivo <ivo@fin.example>"
    message["Subject"] = f"Re: Please check the invoices, part {number}"
    message["Date"] = "Tue, 24 Nov 2026 10:00:00 +0100"
    message["Message-ID"] = f"<{number}.{size_bytes}@fin.example>"
    message["In-Reply-To"] = f"<{number // 2}.asked@corp.example>"
    message["References"] = f"<{number // 4}.asked@corp.example> <{number // 2}.asked@corp.example>"
    message.set_content("We opened it on two machines and closed it again.\n" * 40)
    message.add_alternative(
        "<p>We opened it on <b>two</b> machines and closed it again.</p>\n" * 60, subtype="html"
    )
    rest = max(1_000, int((size_bytes - 8_000) * 0.73))
    message.add_attachment(noise.randbytes(rest), "application", "pdf", filename="list.pdf")
    return message.as_bytes()


def fill(sandbox: RunningSandbox, count: int) -> None:
    """Delivers `count` mails to the Inbox."""
    deliver(sandbox, (mail(number) for number in range(count)))


def deliver(sandbox: RunningSandbox, messages: Iterable[bytes], folder: str = "Inbox") -> None:
    """Puts messages into a folder one after another, without a process for each."""
    control = ControlClient(load(sandbox.data))
    for message in messages:
        control.deliver(message, mailbox=MAILBOX, folder=folder)


def count_calls(sandbox: RunningSandbox, *, reset: bool = True) -> dict[str, dict[str, int]]:
    """What was called since the last reset, by part and operation."""
    calls: dict[str, dict[str, int]] = ControlClient(load(sandbox.data)).run("calls", reset=reset)
    return calls


def select_folders(sandbox: RunningSandbox, *paths: str) -> None:
    """Selects folders of the default mailbox through the API."""
    tree = sandbox.call("GET", "/api/config/mailboxes/default/folders")
    ids = {folder["path"]: folder["id"] for folder in tree.json["items"]}
    headers = {"If-Match": tree.headers["etag"]} if "etag" in tree.headers else {}
    body = {"folders": [ids[path] for path in paths]}
    answer = sandbox.call("PUT", "/api/config/mailboxes/default/folders", body, headers=headers)
    assert answer.status == 200, answer.body


def configure_mailbox(sandbox: RunningSandbox, mailbox_id: str = "default") -> Any:
    """Writes settings, secret and one unit through the product's own stores; the poll context."""
    import wiring
    from domain.business_units import BusinessUnit
    from domain.mailboxes import MailboxSettings, PollState, SecretRef
    from domain.stored import Activity

    now = datetime.now(UTC)
    form = json.loads(sandbox.command("settings"))
    version = wiring._secrets().write(f"mailbox-{mailbox_id}", form["secretKey"])
    context = wiring._poll_context()
    activity = Activity(now, "bench", None, "mailbox.save", mailbox_id, None, None)
    settings = MailboxSettings(
        mailbox_id=mailbox_id,
        creation_id=f"bench-{mailbox_id}",
        email=form["email"],
        incoming_server=form["incomingServer"],
        app_id=form["appId"],
        tenant_id=form["tenantId"],
        port=form["port"],
        enabled=True,
        secret=SecretRef(f"mailbox-{mailbox_id}", version, now, "bench"),
    )
    context.mailboxes.save_settings(settings, None, activity)
    if context.units.read("finance") is None:
        unit = BusinessUnit(id="finance", uuid="finance", name="Finance", domains=("fin.example",))
        context.units.save(unit, None, activity)
    context.schedule.save(PollState(mailbox_id, due_at=now + timedelta(days=365)), None)
    return context


def sync_until_done(context: Any, mailbox_id: str = "default") -> None:
    """What the queue triggers do for one mailbox, one after another, until its folders are complete."""
    from mailbox_poll.messages import FolderSyncMessage, MailboxSyncMessage
    from mailbox_poll.sync_folder import sync_folder
    from mailbox_poll.sync_mailbox import sync_mailbox

    sync_mailbox(context, MailboxSyncMessage(mailbox_id, None))
    for _ in range(1_000):
        waiting = [row.value for row in context.folder_syncs.read_all(mailbox_id) if row.value.walking]
        if not waiting:
            return
        for row in waiting:
            sync_folder(context, FolderSyncMessage(mailbox_id, row.folder_id))
    raise AssertionError("the mailbox's folders were not read to their end")
