"""Messages come back byte for byte, however broken, and rebuilt only where Exchange rebuilds them."""

import base64
import email
import resource
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.exchange.mime import read_properties
from sandbox.exchange.rebuild import rebuild_mime
from sandbox.faults import Fault
from tests.sandbox.exchange.running_server import (
    SOC,
    M,
    RunningServer,
    Start,
    T,
    answer_tree,
    codes,
    fields,
    get_item_request,
    sync_request,
)

MALFORMED = {
    "empty": b"",
    "no headers": b"\r\nonly a body",
    "no body": b"Subject: a",
    "no colon": b"this is no header\r\n\r\nbody",
    "NULs": b"Subject: a\x00b\r\n\r\nbo\x00dy\x00",
    "raw 8-bit headers": "Subject: Grüße\r\nFrom: Jörg <j@x.example>\r\n\r\nähm".encode("latin-1"),
    "bare LF": b"Subject: a\nFrom: b@c.example\n\nbody\n",
    "bare CR": b"Subject: a\rFrom: b@c.example\r\rbody\r",
    "mbox line": b"From bob Mon Jan  1 00:00:00 2026\nSubject: a\n\nb",
    "unfinished multipart": b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n--x\r\n\r\npart',
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\npart\r\n--x--",
    "unknown charset": b"Content-Type: text/plain; charset=x-no\r\nSubject: =?x-no?B?YQ==?=\r\n\r\n\xff\xfe",
    "bad encoded word": b"Subject: =?utf-8?B?####?= =?utf-8?Q?=GG?=\r\n\r\nx",
    "surrogates": b"Subject: =?unicode_escape?Q?=5Cud800?=\r\n\r\nx",
    "bad date": b"Date: Mon, 99 Foo 99999 99:99:99 +9999\r\n\r\nx",
    "bad addresses": b"From: <<>>,,;;@\r\nTo: " + b"(" * 5000 + b'\r\nCc: a@@b, "\r\n\r\nx',
    "long line": b"Subject: " + b"a" * 300_000 + b"\r\n\r\nx",
    "bad base64": b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!=A=",
    "deep": b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(3000)
    ),
    "message in message": b"Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nx",
    "duplicated headers": b"Subject: a\r\nSubject: b\r\nMessage-ID: <1@x>\r\nMessage-ID: <2@x>\r\n\r\nx",
}

ALL = fields(
    "item:Subject",
    "item:Body",
    "item:Attachments",
    "item:InternetMessageHeaders",
    "message:From",
    "item:Preview",
)


def fetched(running: RunningServer, item_id: str) -> bytes:
    answer = running.post(get_item_request(item_id, mime=True))
    [content] = answer_tree(answer).iter(T + "MimeContent")
    return base64.b64decode(content.text or "")


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_mail_is_taken_listed_and_given_back_byte_for_byte(
    running: RunningServer, raw: bytes
) -> None:
    item_id = running.server.deliver(SOC, "Inbox", raw)
    assert codes(running.post(sync_request("inbox", properties=ALL))) == ["NoError"]
    assert codes(running.post(get_item_request(item_id, properties=ALL))) == ["NoError"]
    assert [fetched(running, item_id) for _ in range(2)] == [raw, raw]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.sampled_from(sorted(MALFORMED)))
def test_no_bytes_make_reading_or_rebuilding_a_message_fail(junk: bytes, name: str) -> None:
    raw = MALFORMED[name][:500] + junk
    properties = read_properties(raw, internal_domain="corp.example")
    properties.subject.encode()
    assert len(properties.conversation) == 16
    rebuild_mime(raw)


def test_a_copy_is_rebuilt_with_the_same_content(running: RunningServer) -> None:
    raw = (
        b'Subject: a\nContent-Type: multipart/mixed; boundary="old"\n\n--old\n\nbody\n--old\n'
        b"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=f\n\n12345\n"
        b"--old--\n"
    )
    item_id = running.server.deliver(SOC, "Inbox", raw)
    copied = running.post(
        '<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="junkemail"/></m:ToFolderId>'
        f'<m:ItemIds><t:ItemId Id="{item_id}"/></m:ItemIds></m:CopyItem>'
    )
    [copy] = answer_tree(copied).iter(T + "ItemId")
    again = fetched(running, str(copy.get("Id")))
    assert again != raw
    old, new = email.message_from_bytes(raw), email.message_from_bytes(again)
    assert old.get_boundary() != new.get_boundary()
    leaves = [[str(part.get_payload()).strip() for part in one.walk()][1:] for one in (old, new)]
    assert leaves[0] == leaves[1] == ["body", "12345"]
    assert fetched(running, item_id) == raw


def test_what_is_signed_keeps_its_parts_when_it_is_rebuilt() -> None:
    signed = (
        b'--s\r\nContent-Type: multipart/mixed; boundary="in"\r\n\r\n--in\r\n\r\nx\r\n--in--\r\n--s--\r\n'
    )
    raw = b'Subject: a\r\nContent-Type: multipart/signed; boundary="s"\r\n\r\n' + signed
    rebuilt = rebuild_mime(raw)
    assert rebuilt != raw
    assert rebuilt.endswith(b"\r\n\r\n" + signed)


def test_later_fetches_can_be_rebuilt(running: RunningServer) -> None:
    raw = b'Subject: a\nContent-Type: multipart/mixed; boundary="old"\n\n--old\n\nbody\n--old--\n'
    item_id = running.server.deliver(SOC, "Inbox", raw)
    running.faults.add(Fault("exchange", "rebuild-mime"))
    first, second, third = (fetched(running, item_id) for _ in range(3))
    assert first == raw
    assert len({first, second, third}) == 3


def test_attachments_are_listed_and_fetched(running: RunningServer) -> None:
    raw = (
        b'Subject: a\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\nbody\r\n--b\r\n'
        b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=data.bin\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nAAEC\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        b"Subject: inner\r\n\r\nhello\r\n--b--\r\n"
    )
    item_id = running.server.deliver(SOC, "Inbox", raw)
    listed = answer_tree(running.post(get_item_request(item_id, properties=fields("item:Attachments"))))
    assert [node.text for node in listed.iter(T + "Name")] == ["data.bin", "inner"]
    ids = "".join(f'<t:AttachmentId Id="{node.get("Id")}"/>' for node in listed.iter(T + "AttachmentId"))
    answer = answer_tree(
        running.post(
            "<m:GetAttachment><m:AttachmentShape><t:IncludeMimeContent>true</t:IncludeMimeContent>"
            f"</m:AttachmentShape><m:AttachmentIds>{ids}</m:AttachmentIds></m:GetAttachment>"
        )
    )
    assert [base64.b64decode(node.text or "") for node in answer.iter(T + "Content")] == [b"\x00\x01\x02"]
    assert [node.text for node in answer.iter(T + "Subject")] == ["inner"]


def test_a_100_mb_mail_is_streamed_without_being_held_in_memory(running: RunningServer) -> None:
    raw = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 6_553_600
    item_id = running.server.deliver(SOC, "Inbox", raw)
    size = len(raw)
    del raw
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    received = 0
    with running.post(get_item_request(item_id, mime=True), stream=True) as answer:
        for chunk in answer.iter_content(1 << 16):
            received += len(chunk)
    assert received > size * 4 // 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes


def test_a_mail_that_is_deleted_while_it_is_sent_arrives_whole(running: RunningServer) -> None:
    raw = b"Subject: big\r\n\r\n" + b"x" * 20_000_000
    ids = [running.server.deliver(SOC, "Inbox", raw) for _ in range(2)]
    with running.post(get_item_request(*ids, mime=True), stream=True) as answer:
        for item_id in ids:
            running.server.delete(SOC, item_id, hard=True)
        assert len(answer.content) > 50_000_000
    assert codes(running.post(get_item_request(*ids))) == ["ErrorItemNotFound"] * 2


def test_the_files_of_deleted_mails_are_gone_after_a_restart(start_server: Start, tmp_path: Path) -> None:
    running = start_server()
    item_id = running.server.deliver(SOC, "Inbox", b"Subject: a\r\n\r\nb")
    running.server.deliver(SOC, "Inbox", b"Subject: kept\r\n\r\nb")
    running.server.delete(SOC, item_id, hard=True)
    running.stop()
    start_server()
    assert len(list((tmp_path / "exchange").rglob("*.eml"))) == 1


def test_recorded_traffic_is_numbered_in_order_and_shortens_messages(running: RunningServer) -> None:
    item_id = running.server.deliver(SOC, "Inbox", b"Subject: a\r\n\r\n" + b"x" * 100_000)
    running.post(get_item_request(item_id, mime=True))
    content = base64.b64encode(b"Subject: b\r\n\r\n" + b"y" * 100_000).decode()
    running.post(
        '<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message>'
        f"<t:MimeContent>{content}</t:MimeContent></t:Message></m:Items></m:CreateItem>"
    )
    names = sorted(path.name for path in running.record.iterdir())
    assert names == [
        "000001-GetItem-request.xml",
        "000002-GetItem-response.xml",
        "000003-CreateItem-request.xml",
        "000004-CreateItem-response.xml",
    ]
    for name in names:
        recorded = (running.record / name).read_bytes()
        assert len(recorded) < 20_000
        assert M[1:-1].encode() in recorded
