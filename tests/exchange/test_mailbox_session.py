"""The mailbox as `domain.ports.MailServer` promises it, against the sandbox's Exchange server over TLS."""

from __future__ import annotations

import hashlib
import resource
from base64 import encodebytes
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import AdminActionError, FolderGoneError, RetryLaterError, SyncStateInvalidError
from domain.ports import MailServer, MailServers
from domain.server_items import (
    ChangeKind,
    Envelope,
    FetchedMessage,
    FolderGone,
    FolderState,
    ItemFailure,
    ItemSummary,
)
from exchange.mailbox_session import MailboxSession
from sandbox.state import MAILBOX
from tests.exchange.conftest import Folder
from tests.exchange.world import RunningWorld

TOMORROW = timedelta(days=1)


def mail(number: int = 1, *, extra: str = "", body: bytes = b"Hello\r\n") -> bytes:
    head = (
        f"From: Bob Stone <bob@fin.example>\r\nTo: soc@corp.example, Ann <ann@hr.example>\r\n"
        f"Cc: eve@sales.example\r\nSubject: Invoice {number}\r\nMessage-ID: <{number}@fin.example>\r\n"
        f"Date: Mon, 2 Nov 2026 10:00:00 +0100\r\n{extra}\r\n"
    )
    return head.encode() + body


def all_summaries(session: MailServer, folder_id: str, *, ids_only: bool = False) -> list[ItemSummary]:
    found: list[ItemSummary] = []
    state: str | None = None
    while True:
        page = session.changes(folder_id, state, limit=2, ids_only=ids_only)
        found += [change.summary for change in page.changes if change.summary]
        if page.complete:
            return found
        state = page.sync_state


def contents(session: MailServer, ids: list[str]) -> dict[str, bytes | ItemFailure]:
    return {
        answer.item_id: answer if isinstance(answer, ItemFailure) else b"".join(answer.chunks)
        for answer in session.messages(ids)
    }


def test_the_adapter_is_what_the_ports_ask_for(world: RunningWorld) -> None:
    servers: MailServers = world.servers()
    session: MailServer = servers.open(world.settings())
    assert session is servers.open(world.settings())


def test_the_tree_is_depth_first_with_paths_and_kinds(world: RunningWorld, folder: Folder) -> None:
    world.control.run("create-folder", mailbox=MAILBOX, folder=f"{folder.name}/B/C")
    world.control.run("create-folder", mailbox=MAILBOX, folder=f"{folder.name}/A")
    tree = world.open().folder_tree()
    by_path = {one.path: one for one in tree}
    paths = [one.path for one in tree if one.path.startswith(folder.name)]
    assert paths == [folder.name, *(f"{folder.name}/{below}" for below in ("A", "B", "B/C"))]
    assert by_path[folder.name].id == folder.id
    assert by_path[folder.name].child_folder_count == 2
    assert by_path[f"{folder.name}/B/C"].parent_id == by_path[f"{folder.name}/B"].id
    assert (by_path["Inbox"].is_mail, by_path["Inbox"].well_known) == (True, "inbox")
    assert not by_path["Calendar"].is_mail
    assert by_path["Conversation Action Settings"].is_hidden


def test_one_request_tells_of_all_folders_which_changed(world: RunningWorld, folder: Folder) -> None:
    session = world.open()
    world.calls()
    asked = ["sentitems", folder.id, "inbox", "AAMkAGone="]
    sent, before, inbox, gone = session.folder_states(asked)
    assert world.calls()["exchange"] == {"GetFolder": 1}
    assert isinstance(sent, FolderState)
    assert isinstance(before, FolderState)
    assert isinstance(inbox, FolderState)
    assert gone == FolderGone("AAMkAGone=", "ErrorInvalidIdMalformed")
    assert (sent.is_sent_items, inbox.is_sent_items) == (True, False)
    assert (inbox.folder_id, inbox.name) == ("inbox", "Inbox")
    assert before.server_id == folder.id
    assert (before.total_count, before.name) == (0, folder.name)
    folder.deliver(mail())
    [after] = session.folder_states([folder.id])
    assert isinstance(after, FolderState)
    assert after.total_count == 1
    assert after.commit_time
    assert after.commit_time != before.commit_time


def test_a_deleted_folder_is_gone(world: RunningWorld, folder: Folder) -> None:
    world.control.run("delete-folder", mailbox=MAILBOX, folder=folder.name)
    session = world.open()
    assert session.folder_states([folder.id]) == [FolderGone(folder.id, "ErrorFolderNotFound")]
    with pytest.raises(FolderGoneError):
        session.changes(folder.id, None, limit=10, ids_only=True)
    with pytest.raises(FolderGoneError):
        session.received_between(folder.id, datetime.now(UTC), None, limit=10)


def test_changes_come_in_pages_until_the_last(folder: Folder, mailbox: MailboxSession) -> None:
    ids = [folder.deliver(mail(number)) for number in range(5)]
    assert {one.item_id for one in all_summaries(mailbox, folder.id)} == set(ids)


def test_a_summary_tells_what_decides_whose_a_mail_is(folder: Folder, mailbox: MailboxSession) -> None:
    references = "In-Reply-To: <0@corp.example>\r\nReferences: <a@corp.example> <0@corp.example>\r\n"
    item_id = folder.deliver(mail(extra=references))
    [found] = all_summaries(mailbox, folder.id)
    assert found.item_id == item_id
    assert abs(found.received_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert (found.item_class, found.subject) == ("IPM.Note", "Invoice 1")
    assert found.size_bytes > 100
    assert (found.sender, found.represented_sender) == ("bob@fin.example", "bob@fin.example")
    assert found.sender_name == "Bob Stone"
    assert found.internet_message_id == "<1@fin.example>"
    assert found.in_reply_to == "<0@corp.example>"
    assert found.references == "<a@corp.example> <0@corp.example>"
    assert found.conversation_id
    assert found.search_key
    assert found.send_id is None
    assert not found.is_draft


def test_an_internal_sender_has_an_smtp_address_too(folder: Folder, mailbox: MailboxSession) -> None:
    folder.deliver(mail().replace(b"bob@fin.example>", b"bob@corp.example>", 1))
    [found] = all_summaries(mailbox, folder.id)
    assert found.sender == "bob@corp.example"


def test_a_first_walk_lists_ids_and_times_alone(folder: Folder, mailbox: MailboxSession) -> None:
    item_id = folder.deliver(mail())
    [found] = all_summaries(mailbox, folder.id, ids_only=True)
    assert found == ItemSummary(item_id, found.received_at)
    assert abs(found.received_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_later_changes_are_updates_reads_and_deletes(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession
) -> None:
    read, gone = folder.deliver(mail(1)), folder.deliver(mail(2))
    state = mailbox.changes(folder.id, None, limit=512, ids_only=False).sync_state
    world.control.run("mark-read", mailbox=MAILBOX, item=read, read=True)
    world.control.run("delete", mailbox=MAILBOX, item=gone, hard=True)
    new = folder.deliver(mail(3))
    page = mailbox.changes(folder.id, state, limit=512, ids_only=False)
    kinds = {change.item_id: (change.kind, change.summary is None) for change in page.changes}
    assert kinds == {
        read: (ChangeKind.READ_FLAG, True),
        gone: (ChangeKind.DELETE, True),
        new: (ChangeKind.CREATE, False),
    }
    again = mailbox.changes(folder.id, page.sync_state, limit=512, ids_only=False)
    assert (again.changes, again.complete) == ((), True)


@pytest.mark.parametrize("state", ["rubbish", "H4sIAA==", "\x01<&>"])
def test_a_refused_sync_state_has_an_error_of_its_own(
    folder: Folder, mailbox: MailboxSession, state: str
) -> None:
    with pytest.raises(SyncStateInvalidError, match="ErrorInvalidSyncStateData"):
        mailbox.changes(folder.id, state, limit=10, ids_only=True)


def test_items_by_received_time_come_newest_first(folder: Folder, mailbox: MailboxSession) -> None:
    begin = datetime.now(UTC) - timedelta(seconds=1)
    ids = [folder.deliver(mail(number)) for number in range(3)]
    newest = mailbox.received_between(folder.id, begin, None, limit=2)
    assert [one.item_id for one in newest.items] == [ids[2], ids[1]]
    assert not newest.complete
    rest = mailbox.received_between(folder.id, begin, datetime.now(UTC), limit=10)
    assert [one.item_id for one in rest.items] == ids[::-1]
    assert rest.complete
    assert rest.items[0].sender == "bob@fin.example"
    assert mailbox.received_between(folder.id, begin + TOMORROW, None, limit=10).items == ()
    assert mailbox.received_between(folder.id, begin - TOMORROW, begin, limit=10).items == ()


def test_the_upper_bound_holds_all_of_its_second(folder: Folder, mailbox: MailboxSession) -> None:
    item_id = folder.deliver(mail())
    [found] = all_summaries(mailbox, folder.id)
    page = mailbox.received_between(folder.id, found.received_at, found.received_at, limit=10)
    assert [one.item_id for one in page.items] == [item_id]


def test_an_envelope_tells_people_and_headers(folder: Folder, mailbox: MailboxSession) -> None:
    item_id = folder.deliver(mail(extra="Auto-Submitted: auto-replied\r\n"))
    [envelope] = mailbox.envelopes([item_id])
    assert isinstance(envelope, Envelope)
    assert envelope.to == ("soc@corp.example", "ann@hr.example")
    assert envelope.cc == ("eve@sales.example",)
    assert ("Auto-Submitted", "auto-replied") in envelope.headers
    assert envelope.sent_at == datetime(2026, 11, 2, 9, tzinfo=UTC)
    [summary] = all_summaries(mailbox, folder.id)
    assert envelope.summary == summary


def test_one_item_that_cannot_be_had_does_not_hold_up_the_others(
    world: RunningWorld, folder: Folder, mailbox: MailboxSession
) -> None:
    first, gone, damaged, last = (folder.deliver(mail(number)) for number in range(4))
    world.control.run("delete", mailbox=MAILBOX, item=gone, hard=True)
    world.fault("item-error", count=None, item=damaged, error="ErrorContentConversionFailed")
    ids = [first, gone, damaged, "AAMkNoId=", last]
    envelopes = mailbox.envelopes(ids)
    assert [getattr(one, "code", "") for one in envelopes] == [
        "",
        "ErrorItemNotFound",
        "ErrorContentConversionFailed",
        "ErrorInvalidIdMalformed",
        "",
    ]
    fetched = contents(mailbox, ids)
    assert list(fetched) == ids
    assert (fetched[first], fetched[last]) == (mail(0), mail(3))
    codes = [one.code for one in fetched.values() if isinstance(one, ItemFailure)]
    assert codes == ["ErrorItemNotFound", "ErrorContentConversionFailed", "ErrorInvalidIdMalformed"]


MALFORMED = [
    b"",
    b"\n",
    b"no headers at all",
    b"\x00\x01\xff\xfe" * 50,
    b"Subject: bare LF\n\nline\nline\r\n\rmixed\n",
    b"From: \xe4\xf6\xfc\r\nSubject: =?utf-8?B?broken\r\n\r\n" + bytes(range(256)),
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nnever closed",
    b"Subject: \x1f\x02 & <t:MimeContent> ]]> \xf0\x9f\x98\x80\r\n\r\n<t:MimeContent>",
]


def test_messages_come_byte_for_byte_whatever_they_are(folder: Folder, mailbox: MailboxSession) -> None:
    raws = {folder.deliver(raw): raw for raw in MALFORMED[1:]}
    assert contents(mailbox, list(raws)) == raws
    assert {one.item_id for one in all_summaries(mailbox, folder.id)} == set(raws)
    assert all(isinstance(one, Envelope) for one in mailbox.envelopes(list(raws)))


def test_a_message_that_is_not_used_up_is_passed_over(folder: Folder, mailbox: MailboxSession) -> None:
    large = mail(1, body=b"x" * 500_000)
    ids = [folder.deliver(large), folder.deliver(mail(2))]
    answers = mailbox.messages(ids)
    first = next(answers)
    assert isinstance(first, FetchedMessage)
    assert next(first.chunks)
    second = next(answers)
    assert isinstance(second, FetchedMessage)
    assert b"".join(second.chunks) == mail(2)
    assert list(answers) == []


def test_a_content_whose_answer_was_given_up_never_looks_whole(
    folder: Folder, mailbox: MailboxSession
) -> None:
    message = next(mailbox.messages([folder.deliver(mail(1, body=b"x" * 500_000))]))
    assert isinstance(message, FetchedMessage)
    with pytest.raises(RetryLaterError):
        b"".join(message.chunks)


def test_answers_that_are_given_up_hold_no_connection_for_ever(
    folder: Folder, mailbox: MailboxSession
) -> None:
    ids = [folder.deliver(mail(1, body=b"x" * 2_000_000))]
    for _ in range(8):
        answers = mailbox.messages(ids)
        assert isinstance(answers, Iterator)
        next(answers)
        del answers
    assert mailbox.folder_states([folder.id])


def test_100_mb_stream_through_in_bounded_memory(folder: Folder, mailbox: MailboxSession) -> None:
    large = mail(body=encodebytes(b"\0\1\2" * 1_000) * 24_500)
    assert len(large) > 99_000_000
    expected, size = hashlib.sha256(large).hexdigest(), len(large)
    item_id = folder.deliver(large)
    del large
    mailbox.folder_states([folder.id])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    digest, received, longest = hashlib.sha256(), 0, 0
    for answer in mailbox.messages([item_id]):
        assert isinstance(answer, FetchedMessage)
        for chunk in answer.chunks:
            digest.update(chunk)
            received += len(chunk)
            longest = max(longest, len(chunk))
    assert (digest.hexdigest(), received) == (expected, size)
    assert longest <= 65_536
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000


def test_a_mailbox_that_is_not_there_is_the_admins(world: RunningWorld) -> None:
    with pytest.raises(AdminActionError, match="ErrorNonExistentMailbox"):
        world.open(email="nobody@corp.example").folder_states(["inbox"])


def test_nothing_is_asked_for_no_items(mailbox: MailboxSession, world: RunningWorld) -> None:
    assert mailbox.envelopes([]) == []
    assert list(mailbox.messages([])) == []
    assert world.calls() == {}
