"""Whole sync (list, fetch, parse, store, checkpoint) against a peer and against a bare run of the same work.

    python -m bench.end_to_end [--mails 300] [--runs 3]

Peer: exchangelib lists and fetches, `email` parses, and the same blobs and rows are written one after
another through
the same SDK. Bare: the same requests to the mail server with nothing done to the answers, `email`'s parse of
the same
messages, and the same rows in the same transactions, blobs as many at a time; 1 is as fast as that.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import Any

from bench.sync_fetch_cpu import FIELDS, open_account
from bench.world import configure_mailbox, fill, sync_until_done, world
from domain.server_items import ItemFailure
from sandbox.state import load

MAILBOX_TABLES = ("mails", "references", "places", "triage")
_BLOBS_AT_ONCE = 3


class Written:
    """The rows and blobs that our sync of one mailbox wrote."""

    def __init__(self, context: Any, mailbox_id: str) -> None:
        connection = context.raw._connection
        self.rows = {
            name: [
                dict(row)
                for row in connection.tables.get_table_client(name).list_entities()
                if mailbox_id in str(row)
            ]
            for name in MAILBOX_TABLES
        }
        container = connection.container("mails")
        names = [blob.name for blob in container.list_blobs(name_starts_with=f"{mailbox_id}/")]
        self.blobs = {name: container.download_blob(name).readall() for name in names}


def peer(account: Any, connection: Any, written: Written, run: int) -> float:
    """Seconds for exchangelib, `email` and the same writes one after another."""
    tables = {name: _table(connection, f"peer{run}{name}") for name in MAILBOX_TABLES}
    container = connection.container(f"peer{run}")
    container.create_container()
    rows = {name: iter(rows) for name, rows in written.rows.items()}
    each = {name: len(rows) / len(written.blobs) for name, rows in written.rows.items()}
    began = time.perf_counter()
    account.inbox.item_sync_state = None
    ids = [
        (item.id, item.changekey)
        for _, item in account.inbox.sync_items(only_fields=FIELDS, max_changes_returned=512)
    ]
    for number, item in enumerate(account.fetch(ids, only_fields=["mime_content"], chunk_size=64)):
        parsed = email.message_from_bytes(item.mime_content, policy=email.policy.default)
        body = parsed.get_body(("plain", "html"))
        _ = (parsed["from"], parsed["to"], parsed["subject"], body.get_content() if body else "")
        _ = [part.get_filename() for part in parsed.iter_attachments()]
        container.upload_blob(f"{number}.eml", item.mime_content)
        for name, table in tables.items():
            for _ in range(round(each[name] * (number + 1)) - round(each[name] * number)):
                table.create_entity(next(rows[name]))
    return time.perf_counter() - began


def bare(context: Any, server: Any, connection: Any, written: Written, run: int) -> float:
    """Seconds for the bare transfer, the bare parse and the bare storage requests, one after another."""
    tables = {name: _table(connection, f"bare{run}{name}") for name in MAILBOX_TABLES}
    container = connection.container(f"bare{run}")
    container.create_container()
    began = time.perf_counter()
    page = server.changes("inbox", None, limit=512, ids_only=True)
    ids = [change.item_id for change in page.changes]
    while not page.complete:
        page = server.changes("inbox", page.sync_state, limit=512, ids_only=True)
        ids += [change.item_id for change in page.changes]
    for begin in range(0, len(ids), 64):
        for message in server.messages(ids[begin : begin + 64]):
            assert not isinstance(message, ItemFailure)
            for _ in message.chunks:
                pass
    for raw in written.blobs.values():
        email.message_from_bytes(raw)
    with ThreadPoolExecutor(_BLOBS_AT_ONCE) as pool:
        list(pool.map(lambda one: container.upload_blob(*one), written.blobs.items()))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: tables[one[0]].submit_transaction(one[1]), _transactions(written)))
    return time.perf_counter() - began


def _transactions(written: Written) -> list[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    found = []
    for name, rows in written.rows.items():
        ordered = sorted(rows, key=lambda row: str(row["PartitionKey"]))
        for _, group in groupby(ordered, key=lambda row: row["PartitionKey"]):
            entities = [("create", row) for row in group]
            step = 12 if name in ("mails", "references") else 64
            found += [(name, entities[n : n + step]) for n in range(0, len(entities), step)]
    return found


def _table(connection: Any, name: str) -> Any:
    return connection.tables.create_table(name)


def measure(mails: int, runs: int) -> dict[str, Any]:
    """Medians and samples, in seconds, and the two ratios."""
    samples: dict[str, list[float]] = {"ours": [], "peer": [], "bare": []}
    with world() as sandbox:
        fill(sandbox, mails)

        class _State:
            state = load(sandbox.data)

        account = open_account(_State())  # type: ignore[arg-type]  # it reads `.state` alone
        context = configure_mailbox(sandbox, "warm")
        sync_until_done(context, "warm")
        connection = context.raw._connection
        for run in range(runs):
            mailbox_id = f"run{run}"
            configure_mailbox(sandbox, mailbox_id)
            began = time.perf_counter()
            sync_until_done(context, mailbox_id)
            samples["ours"].append(time.perf_counter() - began)
            written = Written(context, mailbox_id)
            assert len(written.blobs) == mails, f"{len(written.blobs)} of {mails} stored"
            samples["peer"].append(peer(account, connection, written, run))
            config = context.mailboxes.read(mailbox_id)
            samples["bare"].append(
                bare(context, context.servers.open(config.settings), connection, written, run)
            )
    medians = {name: statistics.median(values) for name, values in samples.items()}
    return {
        "mails": mails,
        "samples_s": samples,
        "vs_exchangelib": medians["peer"] / medians["ours"],
        "vs_limit": medians["bare"] / medians["ours"],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.mails, arguments.runs), indent=1))
