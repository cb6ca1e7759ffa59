"""A business unit's mail goes from the mailbox's folders into the app, and nothing else does."""

from __future__ import annotations

from tests.support.mail_arrival import mail_with_id, synced
from tests.support.mails import large_mail, plain_mail
from tests.support.running_sandbox import RunningSandbox


def test_mail_of_a_unit_is_shown_and_kept_byte_for_byte(sandbox: RunningSandbox) -> None:
    sandbox.configure()
    unit = sandbox.add_unit("Finance", domains=["fin.example"])
    raw = plain_mail("first@fin.example", text="We saw a login at night.\n").replace(b"\n", b"\r\n")

    sandbox.deliver(raw)

    mail = synced(sandbox, lambda: mail_with_id(sandbox, "first@fin.example"))
    assert mail["from"] == {"name": "Ann Ivić", "address": "ann@fin.example"}
    assert mail["businessUnit"] == unit["id"]
    assert mail["subject"] == "Strange login on PC-4"
    assert mail["preview"] == "We saw a login at night."
    assert mail["direction"] == "incoming"
    assert mail["link"] is None
    assert sandbox.call("GET", f"/api/triage/{mail['id']}/raw").body == raw
    assert b"We saw a login at night." in sandbox.call("GET", f"/api/triage/{mail['id']}/body").body


def test_mail_of_strangers_is_counted_and_not_stored(sandbox: RunningSandbox) -> None:
    before = sandbox.status()["folders"][0]["counts"]
    sandbox.deliver(
        plain_mail("news@shop.example", sender="news@shop.example", subject="Sale"),
        plain_mail("unit@fin.example"),
    )

    synced(sandbox, lambda: mail_with_id(sandbox, "unit@fin.example"))
    counts = synced(sandbox, lambda: _counts_when(sandbox, seen=before["seen"] + 2))
    assert counts["other"] == before["other"] + 1
    assert "<news@shop.example>" not in [mail["internetMessageId"] for mail in sandbox.triage()]


def _counts_when(sandbox: RunningSandbox, *, seen: int) -> dict[str, int]:
    counts = sandbox.status()["folders"][0]["counts"]
    assert counts["seen"] >= seen, counts
    return dict(counts)


def test_a_unit_that_is_added_later_brings_its_earlier_mail_in(sandbox: RunningSandbox) -> None:
    sandbox.deliver(
        plain_mail("early@hr.example", sender="Ivo <ivo@hr.example>"), plain_mail("late@fin.example")
    )
    synced(sandbox, lambda: mail_with_id(sandbox, "late@fin.example"))
    assert "<early@hr.example>" not in [mail["internetMessageId"] for mail in sandbox.triage()]

    unit = sandbox.add_unit("Human Resources", addresses=["ivo@hr.example"])

    assert synced(sandbox, lambda: mail_with_id(sandbox, "early@hr.example"))["businessUnit"] == unit["id"]


def test_answer_of_a_stranger_that_arrives_before_its_parent_is_stored_once_the_parent_arrives(
    sandbox: RunningSandbox,
) -> None:
    sandbox.deliver(
        plain_mail(
            "answer@lawyer.example",
            sender="law@lawyer.example",
            in_reply_to="asked@fin.example",
            subject="Re: Q",
        )
    )
    sandbox.deliver(plain_mail("mark@fin.example"))
    synced(sandbox, lambda: mail_with_id(sandbox, "mark@fin.example"))
    assert "<answer@lawyer.example>" not in [mail["internetMessageId"] for mail in sandbox.triage()]

    sandbox.deliver(plain_mail("asked@fin.example", subject="Question"))

    synced(sandbox, lambda: mail_with_id(sandbox, "answer@lawyer.example"))
    assert mail_with_id(sandbox, "asked@fin.example")


def test_a_stranger_who_writes_to_a_unit_too_is_ours(sandbox: RunningSandbox) -> None:
    sandbox.deliver(
        plain_mail("cc@partner.example", sender="partner@partner.example", Cc="Ann <ann+work@fin.example>")
    )

    mail = synced(sandbox, lambda: mail_with_id(sandbox, "cc@partner.example"))
    assert mail["cc"] == [{"name": "Ann", "address": "ann+work@fin.example"}]


def test_a_mail_of_20_mb_is_kept_whole_and_its_attachment_is_served_in_ranges(
    sandbox: RunningSandbox,
) -> None:
    raw = large_mail("large@fin.example", 20_000_000)
    sandbox.deliver(raw)

    mail = synced(sandbox, lambda: mail_with_id(sandbox, "large@fin.example"), 90)
    assert sandbox.call("GET", f"/api/triage/{mail['id']}/raw").body == raw
    part = sandbox.call(
        "GET", f"/api/triage/{mail['id']}/raw", headers={"Range": f"bytes={len(raw) - 10}-{len(raw) - 1}"}
    )
    assert (part.status, part.body) == (206, raw[-10:])
    assert [one["name"] for one in mail["attachments"]] == ["disk.img"]


def test_copies_of_one_mail_are_one_and_two_mails_with_one_message_id_are_two(
    sandbox: RunningSandbox,
) -> None:
    raw = plain_mail("same@fin.example")
    other = plain_mail("same@fin.example", subject="Something else")
    sandbox.deliver(raw, raw, other)

    def both() -> bool:
        found = [
            mail["subject"] for mail in sandbox.triage() if mail["internetMessageId"] == "<same@fin.example>"
        ]
        return sorted(found) == ["Something else", "Strange login on PC-4"]

    assert synced(sandbox, both)


def test_what_a_person_does_in_outlook_never_removes_evidence(sandbox: RunningSandbox) -> None:
    moved, deleted = sandbox.deliver(plain_mail("moved@fin.example"), plain_mail("deleted@fin.example"))
    sandbox.until(
        lambda: mail_with_id(sandbox, "moved@fin.example") and mail_with_id(sandbox, "deleted@fin.example")
    )
    removed = sandbox.status()["folders"][0]["counts"]["removed"]

    sandbox.command("create-folder", "Done")
    sandbox.command("move", moved, "Done")
    sandbox.command("delete", "--hard", deleted)

    synced(sandbox, lambda: sandbox.status()["folders"][0]["counts"]["removed"] == removed + 2)
    for message_id in ("moved@fin.example", "deleted@fin.example"):
        mail = mail_with_id(sandbox, message_id)
        assert sandbox.call("GET", f"/api/triage/{mail['id']}/raw").body == plain_mail(message_id)


def test_a_folder_that_is_selected_again_repeats_no_mail(sandbox: RunningSandbox) -> None:
    tree = sandbox.call("GET", "/api/config/mailboxes/default/folders")
    ids = {folder["path"]: folder["id"] for folder in tree.json["items"]}

    def select(*paths: str) -> None:
        current = sandbox.call("GET", "/api/config/mailboxes/default/folders").headers.get("etag")
        answer = sandbox.call(
            "PUT",
            "/api/config/mailboxes/default/folders",
            {"folders": [ids[path] for path in paths]},
            headers={"If-Match": current} if current else {},
        )
        assert answer.status == 200, answer.body

    select("Inbox", "Done")
    sandbox.deliver(plain_mail("filed@fin.example"), folder="Done")
    synced(sandbox, lambda: mail_with_id(sandbox, "filed@fin.example"))
    select("Inbox")
    sandbox.deliver(plain_mail("meanwhile@fin.example"), folder="Done")
    select("Inbox", "Done")

    synced(sandbox, lambda: mail_with_id(sandbox, "meanwhile@fin.example"))
    assert mail_with_id(sandbox, "filed@fin.example")
    assert mail_with_id(sandbox, "moved@fin.example")
