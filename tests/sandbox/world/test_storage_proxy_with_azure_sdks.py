"""Azure's storage SDKs work through the proxy as with Azurite itself; every call is named and counted."""

import hashlib
import random
import uuid
from collections.abc import Iterator

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.data.tables import TableClient, TableServiceClient, TableTransactionError
from azure.storage.blob import BlobBlock, BlobServiceClient, ContainerClient
from azure.storage.queue import QueueClient, QueueServiceClient

from sandbox.storage_proxy.operations import name_operation
from tests.sandbox.world.conftest import World

MEBIBYTE = 1024 * 1024


@pytest.fixture
def container(world: World) -> Iterator[ContainerClient]:
    with BlobServiceClient.from_connection_string(world.storage, retry_total=0) as service:
        made = service.create_container(f"c{uuid.uuid4().hex}")
        world.control.run("calls", reset=True)
        yield made


@pytest.fixture
def table(world: World) -> Iterator[TableClient]:
    with TableServiceClient.from_connection_string(world.storage, retry_total=0) as service:
        made = service.create_table(f"t{uuid.uuid4().hex}")
        world.control.run("calls", reset=True)
        yield made


@pytest.fixture
def queue(world: World) -> Iterator[QueueClient]:
    with QueueServiceClient.from_connection_string(world.storage, retry_total=0) as service:
        made = service.create_queue(f"q{uuid.uuid4().hex}")
        world.control.run("calls", reset=True)
        yield made


def test_blob_of_5_mb_in_blocks_comes_back_byte_for_byte(world: World, container: ContainerClient) -> None:
    content = random.Random(1).randbytes(5 * MEBIBYTE)
    blob = container.get_blob_client("some folder/ünïcode name.eml")

    blocks = [BlobBlock(f"{number:08}") for number in range(5)]
    for number, block in enumerate(blocks):
        blob.stage_block(block.id, content[number * MEBIBYTE : (number + 1) * MEBIBYTE])
    blob.commit_block_list(blocks, metadata={"sha256": hashlib.sha256(content).hexdigest()})

    assert blob.download_blob().readall() == content
    assert world.calls("storage") == {
        "blob.PutBlock": 5,
        "blob.PutBlockList": 1,
        "blob.Get": world.calls("storage")["blob.Get"],
    }


def test_blob_in_one_request_keeps_type_metadata_and_condition(
    world: World, container: ContainerClient
) -> None:
    blob = container.get_blob_client("one")
    blob.upload_blob(b"x" * 300_000, metadata={"a": "b"})

    with pytest.raises(ResourceExistsError):
        blob.upload_blob(b"again", overwrite=False)

    properties = blob.get_blob_properties()
    assert properties.size == 300_000
    assert properties.metadata == {"a": "b"}
    assert [found.name for found in container.list_blobs()] == ["one"]
    assert blob.download_blob(offset=10, length=20).readall() == b"x" * 20
    counted = world.calls("storage")
    assert counted["blob.Put"] == 2
    assert counted["blob.GetProperties"] == counted["blob.List"] == 1


def test_table_transaction_writes_all_or_nothing(world: World, table: TableClient) -> None:
    rows = [{"PartitionKey": "p", "RowKey": f"{number:03}", "text": "日本語 " * 50} for number in range(100)]
    table.submit_transaction([("create", row) for row in rows])

    again = {"PartitionKey": "p", "RowKey": "000"}
    with pytest.raises(TableTransactionError):
        table.submit_transaction([("create", {"PartitionKey": "p", "RowKey": "new"}), ("create", again)])

    found = list(table.query_entities("PartitionKey eq 'p'", results_per_page=30))
    assert [row["RowKey"] for row in found] == [row["RowKey"] for row in rows]
    assert found[0]["text"] == rows[0]["text"]
    assert world.calls("storage") == {"table.Batch": 2, "table.Query": 4}


def test_entity_operations_are_told_apart(world: World, table: TableClient) -> None:
    row = {"PartitionKey": "p q", "RowKey": "it's", "value": 1}
    table.create_entity(row)
    table.upsert_entity(row)
    got = table.get_entity("p q", "it's")
    table.update_entity(got, match_condition=None)
    table.delete_entity("p q", "it's")

    counted = world.calls("storage")
    assert counted["table.Insert"] == counted["table.Get"] == counted["table.Delete"] == 1
    assert sum(counted.values()) == 5


def test_queue_message_goes_through(world: World, queue: QueueClient) -> None:
    queue.send_message("aGVsbG8=", visibility_timeout=0)
    message = queue.receive_message()
    assert message is not None
    queue.update_message(message, visibility_timeout=0)
    again = queue.receive_message()
    assert again is not None
    assert again.content == "aGVsbG8="
    assert again.dequeue_count == 2
    queue.delete_message(again)

    assert world.calls("storage") == {
        "queue.Put": 1,
        "queue.Get": 2,
        "queue.Update": 1,
        "queue.Delete": 1,
    }


def test_storage_that_is_busy_says_so_by_operation(world: World, table: TableClient) -> None:
    world.control.run(
        "fault-add", part="storage", kind="status", operation="table.Insert", status=503, count=1
    )

    assert list(table.list_entities()) == []
    with pytest.raises(HttpResponseError) as refused:
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})
    assert refused.value.status_code == 503

    table.create_entity({"PartitionKey": "p", "RowKey": "r"})


def test_write_whose_answer_is_lost_has_happened(world: World, table: TableClient) -> None:
    world.control.run("fault-add", part="storage", kind="cut-after", operation="table.Insert", count=1)

    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})

    assert [row["RowKey"] for row in table.list_entities()] == ["r"]


def test_write_that_is_cut_before_it_is_handled_has_not_happened(world: World, table: TableClient) -> None:
    world.control.run("fault-add", part="storage", kind="cut-before", operation="table.*", count=1)

    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        table.create_entity({"PartitionKey": "p", "RowKey": "r"})

    assert list(table.list_entities()) == []


def test_download_that_is_cut_in_the_middle_is_taken_up_again_by_the_sdk(
    world: World, container: ContainerClient
) -> None:
    content = random.Random(2).randbytes(2 * MEBIBYTE)
    container.upload_blob("large", content)
    world.control.run("fault-add", part="storage", kind="cut-mid", operation="blob.Get", count=1)

    assert container.get_blob_client("large").download_blob(max_concurrency=1).readall() == content
    assert world.calls("storage")["blob.Get"] == 2


def test_faults_leave_nothing_unhandled_behind(world: World) -> None:
    assert "Traceback" not in world.output()


@pytest.mark.parametrize(
    "request_line, name",
    [
        ("blob PUT /a/c?restype=container", "blob.CreateContainer"),
        ("blob GET /a?comp=list", "blob.ListContainers"),
        ("blob GET /a/c?restype=container&comp=list", "blob.List"),
        ("blob PUT /a/c/x/y?comp=block&blockid=1", "blob.PutBlock"),
        ("blob DELETE /a/c/x", "blob.Delete"),
        ("queue GET /a/q/messages?peekonly=true", "queue.Peek"),
        ("queue DELETE /a/q/messages/1?popreceipt=x", "queue.Delete"),
        ("queue DELETE /a/q/messages", "queue.Clear"),
        ("table POST /a/Tables", "table.Create"),
        ("table DELETE /a/Tables('t')", "table.DropTable"),
        ("table PATCH /a/t(PartitionKey='p',RowKey='r')", "table.InsertOrMerge"),
        ("table GET /a/t()", "table.Query"),
        ("table BREW /a/t", "table.Other"),
    ],
)
def test_operation_is_named_as_in_the_rest_reference(request_line: str, name: str) -> None:
    service, method, address = request_line.split(" ")
    path, _, text = address.partition("?")
    query = dict(part.split("=") for part in text.split("&") if part)

    assert name_operation(service, method, path, query, {}) == name
