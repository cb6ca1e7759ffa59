"""What Exchange leaves out, cuts, changes and renames when mail is listed and read."""

import base64
import re
import time

import pytest
from lxml import etree

from sandbox.exchange import store
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
    sync_request,
)

LONG = "x" * 400
MAIL = (
    f"From: Ann <ann@corp.example>\r\nTo: soc@corp.example, bob@fin.example\r\nSubject: {LONG}\r\n"
    f"Message-ID: <{LONG}@corp.example>\r\nIn-Reply-To: <0@corp.example>\r\nReferences: <0@corp.example>\r\n"
    "Date: Mon, 2 Nov 2020 10:00:00 +0100\r\n\r\nHello\r\n"
).encode()

EVERYTHING = fields(
    "item:Subject",
    "item:Body",
    "item:InternetMessageHeaders",
    "item:Attachments",
    "message:ToRecipients",
    "message:From",
    "message:InternetMessageId",
    "item:MimeContent",
)


def children(item: etree._Element) -> dict[str, etree._Element]:
    return {str(child.tag).removeprefix(T): child for child in item}


def messages(running: RunningServer, body: str) -> list[dict[str, etree._Element]]:
    """The messages of an answer, each as its children by name."""
    answer = running.post(body)
    assert answer.status_code == 200, answer.text
    return [children(node) for node in answer_tree(answer).iter(T + "Message")]


def sync_state(running: RunningServer, folder: str = "inbox") -> str:
    return answer_tree(running.post(sync_request(folder))).findtext(f".//{M}SyncState") or ""


def kinds(answer: etree._Element) -> list[str]:
    changes = answer.find(f".//{M}Changes")
    assert changes is not None
    return [str(change.tag).removeprefix(T) for change in changes]


@pytest.mark.parametrize("operation", ["sync", "find"])
def test_listing_leaves_out_bodies_recipients_headers_and_mime_and_cuts_text_at_255_characters(
    running: RunningServer, operation: str
) -> None:
    running.server.deliver(SOC, "Inbox", MAIL)
    request = sync_request if operation == "sync" else find_item_request
    [item] = messages(running, request("inbox", properties=EVERYTHING))
    assert set(item) == {"ItemId", "Subject", "From", "InternetMessageId"}
    assert item["Subject"].text == "x" * 255
    assert len(item["InternetMessageId"].text or "") == 255


def test_getting_an_item_gives_all_of_it(running: RunningServer) -> None:
    item_id = running.server.deliver(SOC, "Inbox", MAIL)
    [item] = messages(running, get_item_request(item_id, properties=EVERYTHING))
    assert set(item) == {
        "MimeContent",
        "ItemId",
        "Subject",
        "Body",
        "InternetMessageHeaders",
        "ToRecipients",
        "From",
        "InternetMessageId",
    }
    assert item["Subject"].text == LONG
    assert base64.b64decode(item["MimeContent"].text or "") == MAIL


def test_single_headers_can_be_asked_for(running: RunningServer) -> None:
    item_id = running.server.deliver(SOC, "Inbox", MAIL)
    paths = "".join(
        f'<t:IndexedFieldURI FieldURI="item:InternetMessageHeader" FieldIndex="{name}"/>'
        for name in ("references", "X-None")
    )
    [item] = messages(running, get_item_request(item_id, properties=paths))
    [header] = item["InternetMessageHeaders"]
    assert (header.get("HeaderName"), header.text) == ("References", "<0@corp.example>")


def test_an_internal_sender_is_a_legacy_dn_in_sync_and_a_bare_name_in_find(running: RunningServer) -> None:
    item_id = running.server.deliver(SOC, "Inbox", MAIL)
    smtp = fields("message:From", "0x5D01:String", "0x5D02:String")
    [synced] = messages(running, sync_request("inbox", properties=smtp))
    assert (synced["From"].findtext(f".//{T}EmailAddress") or "").startswith("/O=EXCHANGELABS/OU=")
    assert synced["From"].findtext(f".//{T}RoutingType") == "EX"
    assert synced["ExtendedProperty"].findtext(T + "Value") == "ann@corp.example"
    [found] = messages(running, find_item_request("inbox", properties=smtp))
    assert [child.tag for child in found["From"][0]] == [T + "Name"]
    [got] = messages(running, get_item_request(item_id, properties=smtp))
    assert got["From"].findtext(f".//{T}EmailAddress") == "ann@corp.example"


def test_an_external_sender_keeps_the_smtp_address_in_sync(running: RunningServer) -> None:
    running.server.deliver(SOC, "Inbox", MAIL.replace(b"ann@corp.example", b"bob@fin.example"))
    [synced] = messages(running, sync_request("inbox", properties=fields("message:From")))
    assert synced["From"].findtext(f".//{T}EmailAddress") == "bob@fin.example"


def test_received_time_is_the_time_of_delivery_whatever_the_headers_say(running: RunningServer) -> None:
    before = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    running.server.deliver(SOC, "Inbox", MAIL)
    times = fields("item:DateTimeReceived", "item:DateTimeSent")
    [item] = messages(running, sync_request("inbox", properties=times))
    assert (
        before <= (item["DateTimeReceived"].text or "") <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    )
    assert item["DateTimeSent"].text == "2020-11-02T09:00:00Z"


def test_moving_and_copying_change_the_id_and_keep_the_search_key(running: RunningServer) -> None:
    first = running.server.deliver(SOC, "Inbox", MAIL)
    key = fields("0x300B:Binary")
    before = messages(running, get_item_request(first, properties=key))[0]["ExtendedProperty"]
    copied = running.post(
        '<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="junkemail"/></m:ToFolderId>'
        f'<m:ItemIds><t:ItemId Id="{first}"/></m:ItemIds></m:CopyItem>'
    )
    copy_id = answer_tree(copied).find(f".//{T}ItemId").get("Id")  # type: ignore[union-attr]  # fails if None
    moved_id = running.server.move(SOC, first, "Notes")
    assert len({first, copy_id, moved_id}) == 3
    for item_id in (str(copy_id), moved_id):
        after = messages(running, get_item_request(item_id, properties=key))[0]["ExtendedProperty"]
        assert after.findtext(T + "Value") == before.findtext(T + "Value")
    assert codes(running.post(get_item_request(first))) == ["ErrorItemNotFound"]


def test_ids_are_told_apart_by_letter_case_only(running: RunningServer) -> None:
    ids = [running.server.deliver(SOC, "Inbox", b"Subject: a\n\nb") for _ in range(64)]
    assert len({one.lower() for one in ids}) < len(ids)
    swapped = next(one for one in ids if sum(other.lower() == one.lower() for other in ids) > 1)
    other = next(one for one in ids if one != swapped and one.lower() == swapped.lower())
    [item] = messages(running, get_item_request(other))
    assert item["ItemId"].get("Id") == other


def test_the_conversation_comes_from_the_subject_without_its_prefixes(running: RunningServer) -> None:
    for subject in (b"Invoice", b"RE: Invoice", b"AW: WG: invoice", b"Other"):
        running.server.deliver(SOC, "Inbox", b"From: a@b.example\nSubject: " + subject + b"\n\nx")
    items = messages(running, sync_request("inbox", properties=fields("item:ConversationId")))
    first, reply, forward, other = (item["ConversationId"].get("Id") for item in items)
    assert first == reply == forward
    assert first != other


def test_characters_that_xml_forbids_come_as_references(running: RunningServer) -> None:
    running.server.deliver(SOC, "Inbox", b"From: a@b.example\nSubject: a\x1fb\x0bc\n\nx")
    answer = running.post(sync_request("inbox", properties=fields("item:Subject")))
    assert b"<t:Subject>a&#x1F;b&#xB;c</t:Subject>" in answer.content


def test_the_folders_commit_time_moves_with_everything_that_happens_in_it(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = (
        "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>"
        f"{fields('0x670A:SystemTime')}</t:AdditionalProperties></m:FolderShape><m:FolderIds>"
        '<t:DistinguishedFolderId Id="inbox"/><t:DistinguishedFolderId Id="junkemail"/></m:FolderIds>'
        "</m:GetFolder>"
    )

    def commit_times() -> list[str]:
        return [node.text or "" for node in answer_tree(running.post(request)).iter(T + "Value")]

    seen = [commit_times()]
    item_id = running.server.deliver(SOC, "Inbox", MAIL)
    seen.append(commit_times())
    standing = store.now_ms()
    monkeypatch.setattr(store, "now_ms", lambda: standing)
    running.server.mark_read(SOC, item_id)
    seen.append(commit_times())
    running.server.mark_read(SOC, item_id, False)
    seen.append(commit_times())
    running.server.delete(SOC, item_id, hard=True)
    seen.append(commit_times())
    inbox = [times[0] for times in seen]
    assert inbox == sorted(set(inbox))
    assert len({times[1] for times in seen}) == 1


def test_a_sync_tells_each_kind_of_change(running: RunningServer) -> None:
    first, second = (running.server.deliver(SOC, "Inbox", MAIL) for _ in range(2))
    state = sync_state(running)
    running.server.mark_read(SOC, first)
    running.server.delete(SOC, second)
    third = running.server.deliver(SOC, "Inbox", MAIL)
    running.server.mark_read(SOC, third)
    answer = answer_tree(running.post(sync_request("inbox", state)))
    assert kinds(answer) == ["ReadFlagChange", "Delete", "Create"]


def test_an_item_that_came_and_went_between_two_syncs_is_not_told(running: RunningServer) -> None:
    state = sync_state(running)
    running.server.delete(SOC, running.server.deliver(SOC, "Inbox", MAIL), hard=True)
    assert kinds(answer_tree(running.post(sync_request("inbox", state)))) == []


def test_a_first_walk_in_pages_tells_every_item_once_while_items_come_and_go(running: RunningServer) -> None:
    ids = [running.server.deliver(SOC, "Inbox", MAIL) for _ in range(10)]
    running.server.mark_read(SOC, ids[0])
    running.server.delete(SOC, ids[1], hard=True)
    state, told, last, pages = "", [], "false", 0
    while last == "false":
        answer = answer_tree(running.post(sync_request("inbox", state, limit=3)))
        told += [
            (kind, node.get("Id"))
            for kind, node in zip(kinds(answer), answer.iter(T + "ItemId"), strict=True)
        ]
        state = answer.findtext(f".//{M}SyncState") or ""
        last = answer.findtext(f".//{M}IncludesLastItemInRange") or ""
        pages += 1
        if pages == 2:
            running.server.delete(SOC, ids[2], hard=True)
            late = running.server.deliver(SOC, "Inbox", MAIL)
    assert told == [("Create", one) for one in [ids[0], *ids[2:]]] + [("Delete", ids[2]), ("Create", late)]


def test_a_state_of_another_folder_or_none_at_all_is_refused(running: RunningServer) -> None:
    state = sync_state(running, "junkemail")
    for wrong in (state, state[:-8] + "AAAAAAA=", "bm9uc2Vuc2U=", "not base64"):
        assert codes(running.post(sync_request("inbox", wrong))) == ["ErrorInvalidSyncStateData"]


def test_the_sync_state_of_a_big_folder_exceeds_64_kib_and_works(
    running: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.exchange.syncstate.LONG_FROM_ITEMS", 2)
    for _ in range(2):
        running.server.deliver(SOC, "Inbox", MAIL)
    state = sync_state(running)
    assert len(state) > 65_536
    assert kinds(answer_tree(running.post(sync_request("inbox", state)))) == []


def test_a_folder_that_is_gone_cannot_be_synced(running: RunningServer) -> None:
    folder = running.server.create_folder(SOC, "Inbox/Gone")
    request = sync_request("inbox").replace(
        '<t:DistinguishedFolderId Id="inbox"/>', f'<t:FolderId Id="{folder}"/>'
    )
    assert codes(running.post(request)) == ["NoError"]
    running.server.delete_folder(SOC, "Inbox/Gone")
    assert codes(running.post(request)) == ["ErrorSyncFolderNotFound"]


def test_one_missing_item_does_not_fail_the_others_of_a_batch(running: RunningServer) -> None:
    first, second = (running.server.deliver(SOC, "Inbox", MAIL) for _ in range(2))
    running.server.delete(SOC, first, hard=True)
    assert codes(running.post(get_item_request(first, second, "AAAA", mime=True))) == [
        "ErrorItemNotFound",
        "NoError",
        "ErrorInvalidIdMalformed",
    ]


@pytest.mark.parametrize(
    "headers, item_class, element",
    [
        ("Content-Type: text/plain", "IPM.Note", "Message"),
        ("Content-Type: multipart/signed; boundary=b", "IPM.Note.SMIME.MultipartSigned", "Message"),
        ("Content-Type: application/pkcs7-mime; smime-type=enveloped-data", "IPM.Note.SMIME", "Message"),
        ("Auto-Submitted: auto-replied", "IPM.Note.Rules.OofTemplate.Microsoft", "Message"),
        ("Content-Type: text/calendar; method=REQUEST", "IPM.Schedule.Meeting.Request", "MeetingRequest"),
        (
            "Content-Type: text/calendar; method=CANCEL",
            "IPM.Schedule.Meeting.Canceled",
            "MeetingCancellation",
        ),
        ("Content-Type: text/calendar; method=REPLY", "IPM.Schedule.Meeting.Resp.Pos", "MeetingResponse"),
        (
            "Content-Type: multipart/report; report-type=disposition-notification",
            "REPORT.IPM.Note.IPNRN",
            "Message",
        ),
    ],
)
def test_the_item_class_says_what_kind_of_mail_it_is(
    running: RunningServer, headers: str, item_class: str, element: str
) -> None:
    running.server.deliver(SOC, "Inbox", f"From: ann@corp.example\r\n{headers}\r\n\r\nx\r\n".encode())
    answer = answer_tree(running.post(sync_request("inbox", properties=fields("item:ItemClass"))))
    [found] = answer.iter(T + "ItemClass")
    parent = found.getparent()
    assert parent is not None
    assert (found.text, parent.tag) == (item_class, T + element)


def test_items_and_folders_survive_a_restart(start_server: Start) -> None:
    first = start_server()
    item_id = first.server.deliver(SOC, "Inbox", MAIL)
    state = sync_state(first)
    first.stop()
    again = start_server()
    assert messages(again, get_item_request(item_id))[0]["ItemId"].get("Id") == item_id
    assert kinds(answer_tree(again.post(sync_request("inbox", state)))) == []


def test_display_names_are_localised_and_well_known_names_are_not(running: RunningServer) -> None:
    running.server.create_mailbox("taro@corp.example", language="ja")
    names = {folder.wellknown: folder.path for folder in running.server.folders("taro@corp.example")}
    assert names["inbox"] == "受信トレイ"
    assert re.search("Posteingang", str(names)) is None
