"""CPU time to sync and fetch mails over EWS: this project's adapter against exchangelib, same mails, same
server.

    python -m bench.sync_fetch_cpu [--mails 500] [--runs 5] [--profile FILE]

exchangelib 5.6.0 reads answers a byte at a time (`iter_content()` without a size), which is most of its
time. It is measured as it is (`ratio`), and again with that mended (`ratio_to_exchangelib_in_blocks`), so
that nobody takes the first figure for one about parsing.

The server is the sandbox's, in a process of its own. Each run syncs the whole folder from the start and
fetches every message; runs alternate, and user plus system time of this process is taken. Prints one JSON
object with medians.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import json
import os
import random
import resource
import statistics
import tempfile
from base64 import encodebytes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import exchangelib
import requests
from exchangelib.credentials import OAuth2AuthorizationCodeCredentials
from exchangelib.version import EXCHANGE_2016, Version
from oauthlib.oauth2 import OAuth2Token

from domain.server_items import ItemFailure
from exchange.mailbox_session import MailboxSession
from sandbox.state import MAILBOX
from sandbox.tokens import TokenKeys
from tests.exchange.world import RunningWorld, start_world

MAIL_BYTES = 37 * 1024
PAGE = 512
BATCH = 64
FIELDS = (
    "item_class", "subject", "size", "in_reply_to", "is_draft", "conversation_id", "author", "sender",
    "message_id", "references", "datetime_received", "datetime_created",
)  # fmt: skip
"""What our sync asks for, in exchangelib's names (less our four extended properties)."""


def make_mail(number: int) -> bytes:
    """A mail of `MAIL_BYTES` with a text and an attachment."""
    chance = random.Random(number)
    head = (
        f"From: Ann Bell <ann{number}@fin.example>\r\nTo: soc@corp.example\r\nSubject: Invoice {number}\r\n"
        f"Message-ID: <{number}.{chance.getrandbits(64):x}@fin.example>\r\n"
        "Date: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b1"\r\n\r\n'
        "--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nPlease find the invoice attached.\r\n"
        "--b1\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    ).encode()
    tail = b"--b1--\r\n"
    body = encodebytes(chance.randbytes(MAIL_BYTES)).replace(b"\n", b"\r\n")
    return head + body[: MAIL_BYTES - len(head) - len(tail) - 2] + b"\r\n" + tail


def with_adapter(session: MailboxSession, take: Callable[[bytes], object]) -> int:
    """Syncs and fetches all; bytes fetched."""
    ids: list[str] = []
    state: str | None = None
    complete = False
    while not complete:
        page = session.changes("inbox", state, limit=PAGE, ids_only=False)
        ids += [change.item_id for change in page.changes]
        state, complete = page.sync_state, page.complete
    total = 0
    for begin in range(0, len(ids), BATCH):
        for message in session.messages(ids[begin : begin + BATCH]):
            if isinstance(message, ItemFailure):
                raise RuntimeError(message.code)
            for chunk in message.chunks:
                total += len(chunk)
                take(chunk)
    return total


def with_exchangelib(account: exchangelib.Account, take: Callable[[bytes], object]) -> int:
    """Syncs and fetches all; bytes fetched."""
    folder = account.inbox
    folder.item_sync_state = None  # it remembers how far it came
    ids = [
        (item.id, item.changekey)
        for _, item in folder.sync_items(only_fields=FIELDS, max_changes_returned=PAGE)
    ]
    total = 0
    for item in account.fetch(ids, only_fields=["mime_content"], chunk_size=BATCH):
        total += len(item.mime_content)
        take(item.mime_content)
    return total


def open_account(world: RunningWorld) -> exchangelib.Account:
    """exchangelib's account of the sandbox's mailbox."""
    os.environ["REQUESTS_CA_BUNDLE"] = str(world.state.ca_file)
    claims = {"aud": world.state.exchange_audience, "appid": "bench", "roles": ["full_access_as_app"]}
    token = OAuth2Token(
        {"access_token": TokenKeys(world.state.entra_folder).sign(claims, 3600), "token_type": "Bearer"}
    )
    configuration = exchangelib.Configuration(
        service_endpoint=f"https://localhost:{world.state.ports.exchange}/EWS/Exchange.asmx",
        credentials=OAuth2AuthorizationCodeCredentials(access_token=token),
        auth_type=exchangelib.OAUTH2,
        version=Version(EXCHANGE_2016),
    )
    return exchangelib.Account(
        MAILBOX,
        config=configuration,
        autodiscover=False,
        access_type=exchangelib.IMPERSONATION,
        default_timezone=exchangelib.EWSTimeZone("UTC"),
    )


@contextmanager
def reading_in_blocks() -> Iterator[None]:
    """exchangelib's answers come in blocks of 64 KiB while this lasts."""
    whole = requests.Response.iter_content

    def in_blocks(response: requests.Response, chunk_size: int = 65_536) -> Iterator[bytes]:
        return whole(response, chunk_size)

    with patch.object(requests.Response, "iter_content", in_blocks):
        yield


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def ignore(chunk: bytes) -> None:
    """The measured runs throw content away."""


def measure(world: RunningWorld, mails: int, runs: int, profile: Path | None) -> dict[str, object]:
    """Medians and all runs, in milliseconds of CPU a mail."""
    session, account = world.open(), open_account(world)
    digests = [hashlib.sha256(), hashlib.sha256()]
    sizes = [with_adapter(session, digests[0].update), with_exchangelib(account, digests[1].update)]
    if sizes[0] != sizes[1] or sizes[0] != mails * MAIL_BYTES or digests[0].digest() != digests[1].digest():
        raise RuntimeError("the two did not fetch the same mails")
    ours: list[float] = []
    theirs: list[float] = []
    in_blocks: list[float] = []
    for _ in range(runs):
        begin = cpu_seconds()
        fetched = [with_adapter(session, ignore)]
        middle = cpu_seconds()
        fetched.append(with_exchangelib(account, ignore))
        end = cpu_seconds()
        with reading_in_blocks():
            fetched.append(with_exchangelib(account, ignore))
        blocks_end = cpu_seconds()
        if set(fetched) != set(sizes):
            raise RuntimeError("a run did not fetch all mails")
        ours.append((middle - begin) * 1000 / mails)
        theirs.append((end - middle) * 1000 / mails)
        in_blocks.append((blocks_end - end) * 1000 / mails)
    if profile:
        with cProfile.Profile() as profiler:
            with_adapter(session, ignore)
        profiler.dump_stats(profile)
    return {
        "mails": mails,
        "mail_bytes": MAIL_BYTES,
        "adapter_cpu_ms_per_mail": round(statistics.median(ours), 3),
        "exchangelib_cpu_ms_per_mail": round(statistics.median(theirs), 3),
        "exchangelib_in_blocks_cpu_ms_per_mail": round(statistics.median(in_blocks), 3),
        "ratio": round(statistics.median(ours) / statistics.median(theirs), 3),
        "ratio_to_exchangelib_in_blocks": round(statistics.median(ours) / statistics.median(in_blocks), 3),
        "adapter_runs": [round(one, 3) for one in ours],
        "exchangelib_runs": [round(one, 3) for one in theirs],
        "exchangelib": exchangelib.__version__,
    }


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(
        description="CPU to sync and fetch mails: this adapter against exchangelib"
    )
    parser.add_argument("--mails", type=int, default=500)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--profile", type=Path, help="write a cProfile of one run of ours to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = start_world(Path(folder))
        try:
            for number in range(arguments.mails):
                world.control.deliver(make_mail(number), mailbox=MAILBOX, folder="Inbox")
            print(json.dumps(measure(world, arguments.mails, arguments.runs, arguments.profile), indent=2))
        finally:
            world.stop()


if __name__ == "__main__":
    main()
