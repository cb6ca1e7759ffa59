"""Queue functions get, keep and lose messages as Microsoft's storage extension has it."""

import base64
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue import QueueClient

from tests.sandbox.host.host_process import APPS, HostProcess, running_host, wait_until
from tests.support.azurite import RunningAzurite

WORK_QUEUE = "work-items"


@pytest.fixture(scope="module")
def host(azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    """A host with two workers and the queue functions of `apps/queues`."""
    data = tmp_path_factory.mktemp("queues")
    with running_host(data, azurite, APPS / "queues", {"WORK_QUEUE": WORK_QUEUE}, instances=2) as running:
        yield running


def queue(azurite: RunningAzurite, name: str) -> QueueClient:
    """A queue of the emulator, without any encoding of its own."""
    return QueueClient.from_connection_string(azurite.connection_string, name)


def send(azurite: RunningAzurite, text: str, name: str = WORK_QUEUE) -> None:
    """Puts a message into a queue in base64, as the host expects it."""
    queue(azurite, name).send_message(base64.b64encode(text.encode()).decode())


def traced(host: HostProcess, body: str) -> list[dict[str, Any]]:
    """The invocations that saw this body."""
    return [line for line in host.trace() if line["body"] == body]


def is_empty(azurite: RunningAzurite, name: str) -> bool:
    """Whether the queue holds no message, invisible ones included."""
    return queue(azurite, name).get_queue_properties().approximate_message_count == 0


def texts(azurite: RunningAzurite, name: str) -> list[str]:
    """Takes the messages out of a queue, decoded; nothing where there is no such queue."""
    try:
        client = queue(azurite, name)
        messages = list(client.receive_messages(messages_per_page=32))
        for message in messages:
            client.delete_message(message)
    except ResourceNotFoundError:
        return []
    return [base64.b64decode(message.content).decode() for message in messages]


def received(azurite: RunningAzurite, name: str, count: int = 1) -> list[str]:
    """Waits for that many messages in a queue and takes them out, decoded."""
    taken: list[str] = []

    def enough() -> bool:
        taken.extend(texts(azurite, name))
        return len(taken) >= count

    wait_until(enough)
    return taken


def test_message_reaches_its_function_once_with_what_the_queue_knows_of_it(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    send(azurite, "hello é")
    wait_until(lambda: traced(host, "hello é"))
    wait_until(lambda: is_empty(azurite, WORK_QUEUE))
    (seen,) = traced(host, "hello é")
    assert seen["id"]
    assert seen["pop_receipt"]
    assert seen["count"] == 1
    assert -2 < seen["age_s"] < 10
    assert 590 < seen["invisible_s"] <= 601


def test_failed_message_comes_again_after_the_visibility_timeout(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    send(azurite, "fail 1")
    wait_until(lambda: len(traced(host, "fail 1")) == 2)
    wait_until(lambda: is_empty(azurite, WORK_QUEUE))
    first, second = traced(host, "fail 1")
    assert (first["count"], second["count"]) == (1, 2)
    assert second["at"] - first["at"] >= 0.9


def test_message_that_keeps_failing_moves_to_the_poison_queue_after_max_dequeue_count(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    send(azurite, "fail 99")
    assert received(azurite, f"{WORK_QUEUE}-poison") == ["fail 99"]
    assert [line["count"] for line in traced(host, "fail 99")] == [1, 2, 3]
    assert is_empty(azurite, WORK_QUEUE)


def test_message_whose_worker_dies_counts_as_failed_and_comes_again_in_another_worker(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    send(azurite, "die 1")
    wait_until(lambda: len(traced(host, "die 1")) == 2)
    first, second = traced(host, "die 1")
    assert first["pid"] != second["pid"]
    assert second["count"] == 2
    wait_until(lambda: is_empty(azurite, WORK_QUEUE))
    wait_until(lambda: len(host.worker_pids()) == 2)


def test_message_that_is_not_base64_ends_in_the_poison_queue_as_it_was(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    queue(azurite, WORK_QUEUE).send_message("not base64!")
    poison = queue(azurite, f"{WORK_QUEUE}-poison")
    wait_until(lambda: _texts_as_they_lie(poison))
    assert _texts_as_they_lie(poison) == ["not base64!"]
    poison.clear_messages()


def test_workers_take_batches_of_their_own_up_to_batch_size_and_threshold(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    for number in range(12):
        send(azurite, f"sleep 0.6{number:02}")
    bodies = [f"sleep 0.6{number:02}" for number in range(12)]
    wait_until(lambda: all(traced(host, body) for body in bodies), 30)
    wait_until(lambda: len([line for line in host.trace() if line["body"].startswith("woke 0.6")]) == 12)
    wait_until(lambda: is_empty(azurite, WORK_QUEUE))
    assert {traced(host, body)[0]["pid"] for body in bodies} == set(host.worker_pids())
    assert all(len(traced(host, body)) == 1 for body in bodies)
    most = _most_at_once([line for line in host.trace() if "0.6" in line["body"]])
    assert all(count <= 3 for count in most.values())  # batchSize 2 + newBatchThreshold 1
    assert max(most.values()) >= 2


def test_json_list_of_strings_becomes_one_message_each_with_its_text_unchanged(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    messages = ['{"a":1}', "plain", "é"]
    send(azurite, json.dumps(messages), "fan-in")
    assert sorted(received(azurite, "fan-out", 3)) == sorted(messages)


def test_json_object_is_written_anew_and_plain_text_as_it_is(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    send(azurite, '{"a":1}', "fan-in")
    send(azurite, "plain", "fan-in")
    assert sorted(received(azurite, "fan-out", 2)) == ["plain", '{\n  "a": 1\n}']


def test_function_that_fails_writes_no_output(host: HostProcess, azurite: RunningAzurite) -> None:
    send(azurite, "late", "fan-in")
    assert received(azurite, "fan-in-poison") == ["late"]
    assert texts(azurite, "fan-out") == []


def test_output_too_large_for_a_message_fails_the_invocation(
    host: HostProcess, azurite: RunningAzurite
) -> None:
    grows = json.dumps([[[[[[0] * 8] * 8] * 8] * 8]], separators=(",", ":"))  # 10 KB, 50 KB once indented
    send(azurite, grows, "fan-in")
    received(azurite, "fan-in-poison")
    assert "a queue message may have 65536 bytes" in host.log()
    assert texts(azurite, "fan-out") == []


def test_queue_function_runs_when_the_admin_endpoint_is_asked_to(host: HostProcess) -> None:
    assert host.run_function("work", "asked by hand") == 202
    wait_until(lambda: traced(host, "asked by hand"))
    assert host.run_function("work", "never", key="wrong") == 401
    assert host.run_function("unknown") == 404
    assert not traced(host, "never")


def test_host_that_is_stopped_gives_its_running_messages_back(
    azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("stopping")
    with running_host(data, azurite, APPS / "queues", {"WORK_QUEUE": "stopping"}) as host:
        send(azurite, "sleep 30", "stopping")
        wait_until(lambda: traced(host, "sleep 30"))
        started = time.monotonic()
        assert host.stop() == 0
        assert time.monotonic() - started < 12
    assert received(azurite, "stopping") == ["sleep 30"]


def test_host_that_is_stopped_lets_short_runs_end(
    azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("draining")
    with running_host(data, azurite, APPS / "queues", {"WORK_QUEUE": "draining"}) as host:
        send(azurite, "sleep 1", "draining")
        wait_until(lambda: traced(host, "sleep 1"))
        assert host.stop() == 0
    assert traced(host, "woke 1")
    assert is_empty(azurite, "draining")


def test_workers_of_a_host_that_is_killed_end_with_it(
    azurite: RunningAzurite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("killed")
    with running_host(data, azurite, APPS / "queues", {"WORK_QUEUE": "killed"}, instances=2) as host:
        pids = host.worker_pids()
        host.process.send_signal(signal.SIGKILL)
        host.process.wait()
        wait_until(lambda: not any(_exists(pid) for pid in pids))


def _texts_as_they_lie(client: QueueClient) -> list[str]:
    try:
        return [str(message.content) for message in client.peek_messages(32)]
    except ResourceNotFoundError:
        return []


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _most_at_once(lines: list[dict[str, Any]]) -> dict[int, int]:
    most: dict[int, int] = {}
    for pid in {line["pid"] for line in lines}:
        running = 0
        for line in sorted((one for one in lines if one["pid"] == pid), key=lambda one: float(one["at"])):
            running += -1 if line["body"].startswith("woke") else 1
            most[pid] = max(most.get(pid, 0), running)
    return most
