"""How Exchange sends: change keys, submission, replaced Message-IDs, late copies, bounces."""

import base64
import email
import email.policy
import time

import pytest
import requests

from tests.sandbox.exchange.running_server import (
    SOC,
    M,
    RunningServer,
    Start,
    T,
    answer_tree,
    codes,
    fields,
    find_item_request,
    get_item_request,
    wait_for,
)

SEND_ID = (
    '<t:ExtendedFieldURI PropertySetId="c11ff724-aa03-4555-9952-8fa248a11c3e" PropertyName="SendId" '
    'PropertyType="String"/>'
)
MIME = (
    b"From: soc@corp.example\r\nTo: fin@fin.example\r\nBcc: secret@fin.example\r\nSubject: Report\r\n"
    b"Message-ID: <ours@corp.example>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/mixed; boundary="old"\r\n\r\n'
    b"--old\r\nContent-Type: text/plain\r\n\r\nHello\r\n--old--\r\n"
)


def mailboxes(kind: str, *addresses: str) -> str:
    boxes = "".join(f"<t:Mailbox><t:EmailAddress>{one}</t:EmailAddress></t:Mailbox>" for one in addresses)
    return f"<t:{kind}>{boxes}</t:{kind}>" if addresses else ""


def create_request(
    *to: str, bcc: tuple[str, ...] = (), mime: bytes = MIME, disposition: str = "SaveOnly"
) -> str:
    return (
        f'<m:CreateItem MessageDisposition="{disposition}"><m:Items><t:Message>'
        f"<t:MimeContent>{base64.b64encode(mime).decode()}</t:MimeContent>"
        f"<t:ExtendedProperty>{SEND_ID}<t:Value>s-1</t:Value></t:ExtendedProperty>"
        f"{mailboxes('ToRecipients', *to)}{mailboxes('BccRecipients', *bcc)}"
        "</t:Message></m:Items></m:CreateItem>"
    )


def send_request(item_id: str, change_key: str | None) -> str:
    key = f' ChangeKey="{change_key}"' if change_key else ""
    return (
        f'<m:SendItem SaveItemToFolder="true"><m:ItemIds><t:ItemId Id="{item_id}"{key}/></m:ItemIds>'
        '<m:SavedItemFolderId><t:DistinguishedFolderId Id="sentitems"/></m:SavedItemFolderId></m:SendItem>'
    )


def create(running: RunningServer, *to: str, bcc: tuple[str, ...] = ()) -> tuple[str, str]:
    """Id and ChangeKey of a new draft."""
    answer = running.post(create_request(*to, bcc=bcc))
    assert codes(answer) == ["NoError"], answer.text
    [found] = answer_tree(answer).iter(T + "ItemId")
    return str(found.get("Id")), str(found.get("ChangeKey"))


def found_by_send_id(running: RunningServer, folder: str) -> list[str]:
    """Ids of a folder's items that have the send id."""
    restriction = (
        f"<t:IsEqualTo>{SEND_ID}<t:FieldURIOrConstant><t:Constant Value='s-1'/></t:FieldURIOrConstant>"
        "</t:IsEqualTo>"
    )
    answer = running.post(find_item_request(folder, restriction))
    return [str(node.get("Id")) for node in answer_tree(answer).iter(T + "ItemId")]


def texts(answer: requests.Response, name: str) -> list[str]:
    return [node.text or "" for node in answer_tree(answer).iter(T + name)]


def test_a_draft_is_sent_with_its_current_change_key_only(running: RunningServer) -> None:
    item_id, change_key = create(running, "fin@fin.example")
    assert codes(running.post(send_request(item_id, None))) == ["ErrorChangeKeyRequired"]
    running.server.mark_read(SOC, item_id, False)
    assert codes(running.post(send_request(item_id, change_key))) == ["ErrorIrresolvableConflict"]
    assert running.server.outbound() == []
    answer = running.post(get_item_request(item_id))
    [now] = answer_tree(answer).iter(T + "ItemId")
    assert codes(running.post(send_request(item_id, now.get("ChangeKey")))) == ["NoError"]
    wait_for(running.server.outbound)


def test_a_sent_draft_is_submitted_then_gone_and_its_copy_comes_late_with_another_id(
    start_server: Start,
) -> None:
    running = start_server(transport_delay_s=0.4, sent_items_delay_s=0.6)
    item_id, change_key = create(running, "fin@fin.example")
    running.post(send_request(item_id, change_key))
    flags = fields("item:IsDraft", "item:IsSubmitted")
    waiting = running.post(get_item_request(item_id, properties=flags))
    assert texts(waiting, "IsSubmitted") == ["true"]
    assert texts(waiting, "IsDraft") == ["true"]
    wait_for(running.server.outbound)
    assert codes(running.post(get_item_request(item_id))) == ["ErrorItemNotFound"]
    assert found_by_send_id(running, "sentitems") == []
    wait_for(lambda: found_by_send_id(running, "sentitems"))
    [copy_id] = found_by_send_id(running, "sentitems")
    assert copy_id != item_id
    assert texts(running.post(get_item_request(copy_id, properties=flags)), "IsDraft") == ["false"]


def test_a_submission_is_carried_on_after_a_restart(start_server: Start) -> None:
    first = start_server(transport_delay_s=1, sent_items_delay_s=0.1)
    first.post(send_request(*create(first, "fin@fin.example")))
    first.stop()
    again = start_server(sent_items_delay_s=0.1)
    wait_for(lambda: found_by_send_id(again, "sentitems"))
    assert len(again.server.outbound()) == 1


def test_the_sent_message_is_rebuilt_and_keeps_the_message_id(running: RunningServer) -> None:
    running.post(send_request(*create(running, "fin@fin.example")))
    wait_for(lambda: running.server.items("fin@fin.example", "Inbox"))
    [arrived] = running.server.items("fin@fin.example", "Inbox")
    assert arrived.message_id == "<ours@corp.example>"
    raw = base64.b64decode(
        texts(
            running.post(get_item_request(arrived.id, mime=True), mailbox="fin@fin.example"), "MimeContent"
        )[0]
    )
    assert b"--old" not in raw
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert message.get_body().get_content().strip() == "Hello"  # type: ignore[union-attr]  # fails if None


def test_a_bcc_in_the_mime_is_dropped_and_one_given_as_a_property_is_delivered(
    running: RunningServer,
) -> None:
    running.post(send_request(*create(running, "fin@fin.example", bcc=("hr@hr.example",))))
    wait_for(lambda: running.server.items("hr@hr.example", "Inbox"))
    [entry] = running.server.outbound()
    assert entry["bcc"] == ["hr@hr.example"]
    with open(str(entry["eml"]), "rb") as file:  # noqa: PTH123 - the path is a string of the list
        assert b"Bcc" not in file.read()


def test_the_servers_own_message_id_replaces_ours_when_asked(running: RunningServer) -> None:
    running.server.sending.replace_message_ids(True)
    item_id, change_key = create(running, "fin@fin.example")
    message_id = fields("message:InternetMessageId")
    [draft] = texts(running.post(get_item_request(item_id, properties=message_id)), "InternetMessageId")
    running.post(send_request(item_id, change_key))
    wait_for(lambda: found_by_send_id(running, "sentitems"))
    [copy_id] = found_by_send_id(running, "sentitems")
    [sent] = texts(running.post(get_item_request(copy_id, properties=message_id)), "InternetMessageId")
    assert len({"<ours@corp.example>", draft, sent}) == 3
    assert [entry["messageId"] for entry in running.server.outbound()] == [sent]


def test_unknown_recipients_come_back_as_a_report_that_names_them(running: RunningServer) -> None:
    running.post(send_request(*create(running, "nobody@elsewhere.example", "ghost@fin.example")))
    wait_for(lambda: running.server.items(SOC, "Inbox"))
    [report] = running.server.items(SOC, "Inbox")
    assert report.item_class == "REPORT.IPM.Note.NDR"
    answer = running.post(get_item_request(report.id, mime=True))
    message = email.message_from_bytes(base64.b64decode(texts(answer, "MimeContent")[0]))
    assert message.get_content_type() == "multipart/report"
    parts = list(message.walk())
    named = [str(part["Final-Recipient"]) for part in parts if part["Final-Recipient"]]
    assert named == [
        "rfc822;nobody@elsewhere.example",
        "rfc822;ghost@fin.example",
    ]
    assert "<ours@corp.example>" in str(parts[-1].get_payload())


@pytest.mark.parametrize("disposition, copies", [("SendOnly", 0), ("SendAndSaveCopy", 1)])
def test_creating_and_sending_at_once_gives_no_id_back(
    running: RunningServer, disposition: str, copies: int
) -> None:
    answer = running.post(create_request("fin@fin.example", disposition=disposition))
    assert codes(answer) == ["NoError"]
    assert list(answer_tree(answer).iter(T + "ItemId")) == []
    wait_for(lambda: running.server.items("fin@fin.example", "Inbox"))
    wait_for(lambda: len(found_by_send_id(running, "sentitems")) == copies)
    assert running.server.items(SOC, "Drafts") == []
    time.sleep(0.4 if copies == 0 else 0)
    assert len(found_by_send_id(running, "sentitems")) == copies


@pytest.mark.parametrize(
    "mime, code",
    [
        (b"From: soc@corp.example\r\nSubject: a\r\n\r\nb", "ErrorMissingRecipients"),
        (b"From: ceo@corp.example\r\nTo: a@b.example\r\n\r\nb", "ErrorSendAsDenied"),
        (b"From: soc@corp.example\r\nTo: nonsense\r\n\r\nb", "ErrorInvalidRecipients"),
    ],
)
def test_what_cannot_be_sent_is_refused(running: RunningServer, mime: bytes, code: str) -> None:
    assert codes(running.post(create_request(mime=mime, disposition="SendOnly"))) == [code]
    assert running.server.items(SOC, "Drafts") == []


def test_a_stale_change_key_conflicts_in_an_update_that_must_not_overwrite(running: RunningServer) -> None:
    item_id, change_key = create(running, "fin@fin.example")
    update = (
        '<m:UpdateItem ConflictResolution="NeverOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges>'
        f'<t:ItemChange><t:ItemId Id="{item_id}" ChangeKey="{change_key}"/><t:Updates><t:SetItemField>'
        '<t:FieldURI FieldURI="item:Subject"/><t:Message><t:Subject>New</t:Subject></t:Message>'
        "</t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"
    )
    first, second = running.post(update), running.post(update)
    assert (codes(first), codes(second)) == (["NoError"], ["ErrorIrresolvableConflict"])
    answer = running.post(get_item_request(item_id, mime=True))
    assert b"Subject: New\r\n" in base64.b64decode(texts(answer, "MimeContent")[0])
    assert answer_tree(first).find(f".//{M}ConflictResults/{T}Count") is not None
