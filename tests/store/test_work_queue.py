"""Queue messages as the Functions host reads them."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from store.connection import StorageConnection
from store.work_queue import MAX_BODY_BYTES, StorageWorkQueue
from tests.support.azurite import RunningAzurite


@pytest.fixture
def queue_name(request: pytest.FixtureRequest) -> str:
    return f"q-{abs(hash(request.node.name))}"


def raw_messages(azurite: RunningAzurite, queue: str) -> list[str]:
    """The messages' text as it lies in the queue, undecoded."""
    from azure.storage.queue import QueueClient

    client = QueueClient.from_connection_string(azurite.connection_string, queue)
    return [message.content for message in client.peek_messages(32)]


def test_a_message_is_json_in_base64_and_a_missing_queue_is_made(
    azurite: RunningAzurite, connection: StorageConnection, queue_name: str
) -> None:
    StorageWorkQueue(connection).send(queue_name, {"mailboxId": "default", "claim": None, "name": "日本"})
    [content] = raw_messages(azurite, queue_name)
    decoded = json.loads(base64.b64decode(content, validate=True))
    assert decoded == {"mailboxId": "default", "claim": None, "name": "日本"}


def test_a_delayed_message_is_not_visible_yet(
    azurite: RunningAzurite, connection: StorageConnection, queue_name: str
) -> None:
    queue = StorageWorkQueue(connection)
    queue.send(queue_name, {"n": 1}, timedelta(minutes=1))
    assert raw_messages(azurite, queue_name) == []
    queue.send(queue_name, {"n": 2})
    assert len(raw_messages(azurite, queue_name)) == 1


def test_the_longest_body_goes_and_a_longer_one_is_refused(
    connection: StorageConnection, queue_name: str
) -> None:
    queue = StorageWorkQueue(connection)
    room = MAX_BODY_BYTES - len('{"x":""}')
    queue.send(queue_name, {"x": "y" * room})
    with pytest.raises(ValueError, match="bytes"):
        queue.send(queue_name, {"x": "y" * (room + 1)})
