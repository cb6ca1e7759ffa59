"""exchangelib, a client that nobody here wrote, does its work against the server unchanged."""

import exchangelib
import pytest
from exchangelib import FileAttachment, HTMLBody, Mailbox, Message
from exchangelib.errors import ErrorItemNotFound
from exchangelib.extended_properties import ExtendedProperty

from tests.sandbox.exchange.running_server import SOC, RunningServer, connect, wait_for

MAIL = (
    b"From: Bob <bob@fin.example>\r\nTo: soc@corp.example\r\nCc: Ann <ann@corp.example>\r\n"
    b"Subject: Invoice\r\nMessage-ID: <1@fin.example>\r\nDate: Mon, 2 Nov 2026 10:00:00 +0100\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nPlease pay.\r\n"
)


class SendId(ExtendedProperty):  # type: ignore[misc]  # exchangelib has no types
    """A named property of a client's own."""

    property_set_id = "c11ff724-aa03-4555-9952-8fa248a11c3e"
    property_name = "SendId"
    property_type = "String"


@pytest.fixture
def send_id() -> object:
    Message.register("send_id", SendId)
    yield
    Message.deregister("send_id")


def test_folders_are_listed_with_their_classes(account: exchangelib.Account) -> None:
    found = {folder.name: folder.folder_class for folder in account.msg_folder_root.walk()}
    assert found["Inbox"] == "IPF.Note"
    assert found["Calendar"] == "IPF.Appointment"
    assert found["Conversation Action Settings"] == "IPF.Configuration"


def test_a_delivered_mail_is_synced_once_and_read(
    running: RunningServer, account: exchangelib.Account
) -> None:
    running.server.deliver(SOC, "Inbox", MAIL)
    [(kind, item)] = account.inbox.sync_items()
    assert (kind, item.subject, item.message_id) == ("create", "Invoice", "<1@fin.example>")
    assert list(account.inbox.sync_items()) == []
    [whole] = account.inbox.all()
    assert whole.mime_content == MAIL
    assert whole.text_body.strip() == "Please pay."
    assert [box.email_address for box in whole.cc_recipients] == ["ann@corp.example"]
    assert {header.name for header in whole.headers} >= {"From", "Message-ID"}


def test_changes_are_synced_by_kind(running: RunningServer, account: exchangelib.Account) -> None:
    first, second, third = (running.server.deliver(SOC, "Inbox", MAIL) for _ in range(3))
    list(account.inbox.sync_items())
    running.server.mark_read(SOC, first)
    running.server.delete(SOC, second)
    changed = account.inbox.get(id=third, changekey=None)
    changed.categories = ["Finance"]
    changed.save(update_fields=["categories"])
    kinds = dict(account.inbox.sync_items())
    assert set(kinds) == {"read_flag_change", "delete", "update"}
    assert kinds["read_flag_change"][0].id == first
    assert kinds["delete"].id == second
    assert kinds["update"].categories == ["Finance"]


def test_a_moved_item_has_a_new_id(running: RunningServer, account: exchangelib.Account) -> None:
    old_id = running.server.deliver(SOC, "Inbox", MAIL)
    item = account.inbox.get(id=old_id, changekey=None)
    item.move(account.junk)
    assert item.id != old_id
    assert account.inbox.total_count == 0 or account.inbox.all().count() == 0
    assert account.junk.get().mime_content == MAIL
    [gone] = account.fetch([(old_id, None)])
    assert isinstance(gone, ErrorItemNotFound)


def test_deleting_goes_to_deleted_items_or_for_good(
    running: RunningServer, account: exchangelib.Account
) -> None:
    running.server.deliver(SOC, "Inbox", MAIL)
    account.inbox.get().move_to_trash()
    assert account.trash.all().count() == 1
    account.trash.get().delete()
    assert account.trash.all().count() == 0


def test_folders_are_made_renamed_and_deleted(account: exchangelib.Account) -> None:
    folder = exchangelib.Folder(parent=account.inbox, name="Finance")
    folder.save()
    folder.name = "Money"
    folder.save()
    account.root.refresh()
    assert [child.name for child in account.inbox.children] == ["Money"]
    folder.delete()
    account.root.clear_cache()
    assert list(account.inbox.children) == []


def test_a_sent_mail_arrives_at_the_other_mailbox_and_in_sent_items(
    running: RunningServer, account: exchangelib.Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = Message(
        account=account,
        folder=account.sent,
        subject="Grüße",
        body=HTMLBody("<p>Hello</p>"),
        to_recipients=[Mailbox(email_address="fin@fin.example")],
        bcc_recipients=[Mailbox(email_address="audit@elsewhere.example")],
    )
    message.send_and_save()
    wait_for(lambda: account.sent.all().count() == 1)
    sent = account.sent.get()
    [entry] = running.server.outbound()
    assert entry["messageId"] == sent.message_id
    assert (entry["to"], entry["bcc"]) == (["fin@fin.example"], ["audit@elsewhere.example"])
    other = connect(running, monkeypatch, "fin@fin.example")
    received = other.inbox.get()
    assert (received.subject, received.body) == ("Grüße", "<p>Hello</p>\r\n")
    assert b"audit@elsewhere.example" not in received.mime_content
    assert account.drafts.all().count() == 0


def test_attachments_given_with_a_draft_and_later_are_sent(
    running: RunningServer, account: exchangelib.Account
) -> None:
    message = Message(
        account=account,
        folder=account.drafts,
        subject="Files",
        body="See below",
        to_recipients=[Mailbox(email_address="fin@fin.example")],
    )
    message.attach(FileAttachment(name="Übersicht.txt", content=b"\x00\x01", content_type="text/plain"))
    message.save()
    message.attach(FileAttachment(name="b.bin", content=b"b" * 100_000))
    message.send(save_copy=True, copy_to_folder=account.sent)
    wait_for(lambda: account.sent.all().count() == 1)
    sent = account.sent.get()
    assert [(one.name, len(one.content)) for one in sent.attachments] == [
        ("Übersicht.txt", 2),
        ("b.bin", 100_000),
    ]
    assert sent.text_body.strip() == "See below"
    assert len(running.server.items("fin@fin.example", "Inbox")) == 1


def test_a_draft_is_found_by_its_extended_property_and_sent(
    running: RunningServer, account: exchangelib.Account, send_id: object
) -> None:
    for name in ("one", "two"):
        Message(
            account=account,
            folder=account.drafts,
            mime_content=MAIL.replace(b"Bob <bob@fin.example>", b"soc@corp.example"),
            to_recipients=[Mailbox(email_address="fin@fin.example")],
            send_id=name,
        ).save()
    draft = account.drafts.get(send_id="two")
    assert draft.is_draft
    draft.send(save_copy=True, copy_to_folder=account.sent)
    wait_for(lambda: account.sent.all().count() == 1)
    assert account.sent.get(send_id="two").message_id == "<1@fin.example>"
    assert account.drafts.get().send_id == "one"
