"""The host's small parts at their edges: routes, paths, frames, outputs and time spans."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.host import framing
from sandbox.host.errors import HostError, OutputError
from sandbox.host.functions import Function, HttpTrigger
from sandbox.host.host_json import HostJsonError, load_host_json, time_span_s
from sandbox.host.http_trigger import normal_path
from sandbox.host.outputs import encoded, queue_messages
from sandbox.host.routes import RouteTable, parse_template
from sandbox.host.values import Binary, Text

GUID = "5f0c6c3e-0000-4000-8000-000000000001"


def matched(template: str, path: str) -> Mapping[str, str] | None:
    """The route parameters with which `path` fits `template`, None where it does not."""
    trigger = HttpTrigger(template, frozenset(), key_required=False)
    table = RouteTable([Function("one", "id", "req", trigger)], "")
    match = table.match("GET", path)
    return None if match is None else match.parameters


@pytest.mark.parametrize(
    "template, path, expected",
    [
        ("a/{id}", "/a/1", {"id": "1"}),
        ("a/{id}", "/a/1/", {"id": "1"}),
        ("a/{id}", "/a", None),
        ("a/{id}", "/a/1/2", None),
        ("a/{id?}", "/a", {}),
        ("a/{id:guid}", f"/a/{GUID}", {"id": GUID}),
        ("a/{id:guid}", "/a/1", None),
        ("a/{id:int}", "/a/99999999999", None),
        ("a/{id:int}", "/a/٣", None),
        ("a/{*rest}", "/a", {}),
        ("a/{**rest}", "/a/b%2Fc/d%20e", {"rest": "b%2Fc/d e"}),
        ("a/{*rest}", "/ab", None),
        ("A/b", "/a/B", {}),
    ],
)
def test_route(template: str, path: str, expected: Mapping[str, str] | None) -> None:
    assert matched(template, path) == expected


@pytest.mark.parametrize("template", ["{*rest}/a", "{a?}/b", "{a:b(1)}", "a{b}", "{}", "{a:even}"])
def test_route_that_is_not_understood_is_refused(template: str) -> None:
    with pytest.raises(HostError):
        parse_template(template)


@pytest.mark.parametrize(
    "raw, expected",
    [
        ("/a/../../b", "/b"),
        ("/a/.", "/a/"),
        ("/a/%2E%2E/b", "/b"),
        ("/%C3%A9?", "/%C3%A9%3F"),
        ("//a", "//a"),
        ("/%2f", "/%2F"),
        ("http://elsewhere.example/", None),
        ("*", None),
        ("/%00", None),
    ],
)
def test_path_is_normalised(raw: str, expected: str | None) -> None:
    assert normal_path(raw) == expected


@given(st.text(max_size=60))
def test_normal_path_is_its_own_normal_path_and_climbs_nowhere(text: str) -> None:
    path = normal_path(f"/{text}")
    if path is not None:
        assert normal_path(path) == path
        assert ".." not in path.split("/")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("plain", [b"plain"]),
        ("", [b""]),
        ("[]", []),
        ('["a","[1]"]', [b"a", b"[1]"]),
        ("[1,true,null]", [b"1", b"True", b""]),
        (' {"b":[]} ', [b'{\n  "b": []\n}']),
        ("[almost", [b"[almost"]),
    ],
)
def test_output_becomes_messages(text: str, expected: list[bytes]) -> None:
    assert queue_messages(Text(text)) == expected


def test_output_that_only_looks_like_json_is_refused_as_the_real_host_does() -> None:
    with pytest.raises(OutputError):
        queue_messages(Text("[almost]"))


def test_bytes_go_as_they_are_and_too_large_a_message_is_refused() -> None:
    assert queue_messages(Binary(b"\xff[1]")) == [b"\xff[1]"]
    assert len(encoded(bytes(48 * 1024), "base64")) == 64 * 1024
    with pytest.raises(OutputError):
        encoded(bytes(48 * 1024 + 1), "base64")


@pytest.mark.parametrize(
    "text, seconds",
    [("00:05:00", 300.0), ("1.00:00:01", 86401.0), ("00:00:00.5", 0.5), ("23:59:59", 86399.0)],
)
def test_time_span(text: str, seconds: float) -> None:
    assert time_span_s(text, "x") == seconds


@pytest.mark.parametrize("text", ["5", "00:60:00", "24:00:00", "-00:00:01", "", None, 5, "00:00:01 "])
def test_what_is_no_time_span_is_refused(text: object) -> None:
    with pytest.raises(HostJsonError, match="functionTimeout"):
        time_span_s(text, "functionTimeout")


@given(st.lists(st.binary(max_size=5000), max_size=4), st.dictionaries(st.text(), st.text(), max_size=3))
def test_frame_arrives_as_it_was_sent_on_both_sides(parts: list[bytes], fields: dict[str, str]) -> None:
    body = framing.BodyWriter()
    places = [body.put(part) for part in parts]
    stream = b"".join(framing.pack({"fields": fields, "places": places}, body.parts))
    for frame in (_read_blocking(stream), asyncio.run(_read_on_loop(stream))):
        assert frame is not None
        header, received = frame
        assert header["fields"] == fields
        assert [framing.take(received, place) for place in header["places"]] == parts


@given(st.binary(max_size=60))
def test_broken_stream_is_an_end_or_an_error_and_never_hangs(stream: bytes) -> None:
    with contextlib.suppress(framing.FrameError, ValueError):
        frame = asyncio.run(_read_on_loop(stream))
        assert frame is None or isinstance(frame[0], dict)


@pytest.mark.parametrize("place", [[-1, 1], [0, -1], [0, 5], [4, 1]])
def test_part_outside_of_the_body_is_refused(place: list[int]) -> None:
    with pytest.raises(framing.FrameError):
        framing.take(b"four", place)


def test_frame_larger_than_allowed_is_refused_before_it_is_read() -> None:
    stream = framing.PREFIX.pack(2, framing.BODY_LIMIT_BYTES + 1)
    with pytest.raises(framing.FrameError):
        asyncio.run(_read_on_loop(stream))


def _read_blocking(stream: bytes) -> tuple[framing.Header, bytes] | None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sending = threading.Thread(target=theirs.sendall, args=(stream,))
        sending.start()
        frame = framing.read_frame(ours)
        sending.join()
    return frame


async def _read_on_loop(stream: bytes) -> tuple[framing.Header, bytes] | None:
    reader = asyncio.StreamReader()
    reader.feed_data(stream)
    reader.feed_eof()
    return await framing.read_frame_async(reader)


def test_end_of_the_stream_is_no_frame() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        theirs.sendall(framing.pack({"a": json.dumps("b" * 100)})[0][:20])
        theirs.close()
        assert framing.read_frame(ours) is None


def test_app_settings_override_host_json_whatever_their_case(tmp_path: Path) -> None:
    file = tmp_path / "host.json"
    file.write_text(json.dumps({"version": "2.0", "extensions": {"queues": {"batchSize": 8}}}))

    options = load_host_json(
        file,
        {
            "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01",
            "AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__BATCHSIZE": "2",
            "AzureFunctionsJobHost__extensions__http__routePrefix": "v1",
            "ANOTHER__extensions__queues__maxDequeueCount": "9",
        },
    )

    assert (options.queues.visibility_timeout_s, options.queues.batch_size) == (1.0, 2)
    assert options.route_prefix == "v1"
    assert options.queues.max_dequeue_count == 5


def test_setting_that_host_json_does_not_take_is_named(tmp_path: Path) -> None:
    file = tmp_path / "host.json"
    file.write_text(json.dumps({"version": "2.0"}))

    with pytest.raises(HostJsonError, match=r"extensions\.queues\.batchSize"):
        load_host_json(file, {"AzureFunctionsJobHost__extensions__queues__batchSize": "many"})
