"""Storage that is away, busy, closed to us or talks nonsense: said in the product's words, within bounded
time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from domain.errors import AdminActionError, BoundaryError, RetryLaterError
from domain.folder_sync import FolderSync
from domain.mailboxes import PollState
from store.connection import SettingsError, StorageConnection, StoreSettings
from store.folder_sync_store import TableFolderSyncStore
from store.mail_store import TableMailStore
from store.poll_schedule import TablePollSchedule
from store.raw_mail_store import BlobRawMailStore
from store.table import Table
from store.work_queue import StorageWorkQueue
from tests.store.support import NOW, FakeVault, mail

SYNC = FolderSync("default", "folder", "Inbox", NOW, sync_state="state")
CALLS: dict[str, Callable[[StorageConnection], object]] = {
    "read": lambda c: TableFolderSyncStore(c).read("default", "folder"),
    "query": lambda c: TablePollSchedule(c).due(NOW, 10),
    "insert": lambda c: TableFolderSyncStore(c).save(SYNC, None),
    "replace": lambda c: TableFolderSyncStore(c).save(SYNC, "etag"),
    "conditional delete": lambda c: Table(c, "any").delete("partition", "key", "etag"),
    "transaction": lambda c: TablePollSchedule(c).save(PollState("default", NOW), None),
    "repeatable transaction": lambda c: TableMailStore(c, FakeVault()).put([mail(1)]),
    "small blob": lambda c: BlobRawMailStore(c).put(mail(1).id, [b"x"]),
    "large blob": lambda c: BlobRawMailStore(c).put(mail(1).id, [bytes(2_000_000)]),
    "read blob": lambda c: list(BlobRawMailStore(c).stream(mail(1).id)),
    "queue": lambda c: StorageWorkQueue(c).send("mailbox-sync", {}),
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answer: bytes | None
    asked: list[str]

    def handle_one_request(self) -> None:
        line = self.rfile.readline()
        if not line:
            self.close_connection = True
            return
        length = 0
        while header := self.rfile.readline().strip():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
        self.rfile.read(length)
        self.asked.append(line.split()[0].decode())
        if self.answer:
            self.wfile.write(self.answer)
            self.wfile.flush()
        self.close_connection = True


@contextmanager
def storage_that_answers(answer: bytes | None) -> Iterator[tuple[StorageConnection, list[str]]]:
    """An account where every request gets these bytes and the connection's end; None: the end alone."""
    handler = type("Handler", (_Handler,), {"answer": answer, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield connection_to(server.server_port), handler.asked  # type: ignore[attr-defined]  # made above
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def connection_to(port: int) -> StorageConnection:
    endpoints = "".join(f"{name}Endpoint=http://127.0.0.1:{port}/a;" for name in ("Table", "Blob", "Queue"))
    return StorageConnection(StoreSettings(connection_string=f"AccountName=a;AccountKey=a2V5;{endpoints}"))


def status(code: int, extra: str = "", body: str = "{}") -> bytes:
    head = (
        f"HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        # Said, so that no call at the same time takes the connection that is being closed.
        f"Connection: close\r\n{extra}\r\n"
    )
    return (head + body).encode()


def failure(
    call: Callable[[StorageConnection], object], connection: StorageConnection
) -> tuple[BoundaryError, float]:
    started = time.monotonic()
    with pytest.raises(BoundaryError) as raised:
        call(connection)
    return raised.value, time.monotonic() - started


def failures(connection: StorageConnection) -> dict[str, tuple[BoundaryError, float]]:
    """What every kind of call says to the same trouble, all made at the same time."""
    with ThreadPoolExecutor(len(CALLS)) as pool:
        return dict(zip(CALLS, pool.map(lambda call: failure(call, connection), CALLS.values()), strict=True))


def test_storage_that_is_away_is_passing_trouble_and_said_within_ten_seconds() -> None:
    for name, (error, seconds) in failures(connection_to(1)).items():
        assert isinstance(error, RetryLaterError), name
        assert error.code == "StorageUnavailable", name
        assert seconds < 10, name


def test_storage_that_is_busy_for_an_hour_does_not_hold_the_worker_for_it() -> None:
    busy = status(503, "Retry-After: 3600\r\nx-ms-error-code: ServerBusy\r\n")
    with storage_that_answers(busy) as (connection, asked):
        found = failures(connection)
    for name, (error, seconds) in found.items():
        assert isinstance(error, RetryLaterError), name
        assert error.code == "StorageUnavailable", name
        assert seconds < 12, name
    # Each was asked again, as often as its time allowed.
    assert 2 * len(CALLS) <= len(asked) <= 4 * len(CALLS)


def test_storage_that_is_closed_to_us_is_the_admins_to_mend_and_asked_once() -> None:
    with storage_that_answers(status(403, "x-ms-error-code: AuthorizationFailure\r\n")) as (
        connection,
        asked,
    ):
        found = failures(connection)
    for name, (error, _) in found.items():
        assert isinstance(error, AdminActionError), name
        assert error.code == "StorageAccessDenied", name
    assert len(asked) == len(CALLS)


@pytest.mark.parametrize("answer", [status(200, body="nonsense"), status(202, body="nonsense")])
@pytest.mark.parametrize("name", ["read", "query", "transaction"])
def test_an_answer_that_nobody_can_read_is_passing_trouble(name: str, answer: bytes) -> None:
    with storage_that_answers(answer) as (connection, _):
        error, _ = failure(CALLS[name], connection)
    assert isinstance(error, RetryLaterError)
    assert error.code == "StorageUnavailable"


@pytest.mark.parametrize("answer", [None, status(500), status(503), status(504, "Retry-After: 1\r\n")])
@pytest.mark.parametrize("name", ["insert", "replace", "conditional delete", "transaction"])
def test_a_conditional_write_that_may_have_been_made_is_not_sent_again(
    name: str, answer: bytes | None
) -> None:
    """Its second try would look like somebody else's, and the writer would think that it had lost."""
    with storage_that_answers(answer) as (connection, asked):
        error, _ = failure(CALLS[name], connection)
    assert isinstance(error, RetryLaterError)
    assert error.code == "StorageUnavailable"
    assert len(asked) == 1


def test_a_transaction_that_a_busy_account_did_not_take_is_sent_again() -> None:
    with storage_that_answers(status(503, "x-ms-error-code: ServerBusy\r\n")) as (connection, asked):
        error, _ = failure(CALLS["transaction"], connection)
    assert isinstance(error, RetryLaterError)
    assert len(asked) == 4


@pytest.mark.parametrize("name", ["read", "query", "repeatable transaction"])
def test_what_may_be_repeated_is_sent_again_when_its_answer_is_lost(name: str) -> None:
    with storage_that_answers(None) as (connection, asked):
        error, _ = failure(CALLS[name], connection)
    assert isinstance(error, RetryLaterError)
    assert len(asked) == 4


@pytest.mark.parametrize("call", [CALLS["read"], CALLS["repeatable transaction"], CALLS["small blob"]])
def test_nothing_of_what_was_stored_is_in_the_error(call: Callable[[StorageConnection], object]) -> None:
    body = '{"odata.error":{"code":"InvalidInput","message":{"value":"ann@fin.example said"}}}'
    with storage_that_answers(status(400, body=body)) as (connection, _):
        error, _ = failure(call, connection)
    assert error.code == "StorageRefused"
    assert "ann" not in str(error)


def test_settings_without_storage_are_refused() -> None:
    with pytest.raises(SettingsError):
        StoreSettings.from_environment({"DataStorage__tableServiceUri": "https://x.table.core.windows.net"})


def test_settings_are_read_from_the_environment_that_azure_and_the_sandbox_give() -> None:
    azure = {
        f"DataStorage__{name}ServiceUri": f"https://x.{name}.core.windows.net"
        for name in ("table", "blob", "queue")
    }
    settings = StoreSettings.from_environment({**azure, "KEY_VAULT_URI": "https://v.vault.azure.net/"})
    assert settings.queue_service_uri == "https://x.queue.core.windows.net"
    assert settings.verify_challenge_resource
    sandbox = {"DataStorage": "AccountName=a", "KEY_VAULT_VERIFY_CHALLENGE_RESOURCE": "False"}
    assert not StoreSettings.from_environment(sandbox).verify_challenge_resource
