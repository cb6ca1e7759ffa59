"""Mails that cannot be sent or saved: too large, a full mailbox, a draft that a person deleted or changed."""

import datetime as dt

import exchangelib
import pytest
from exchangelib import errors

from tests.sandbox.exchange.running_server import SOC, RunningServer, wait_for


class SendId(exchangelib.ExtendedProperty):  # type: ignore[misc]  # exchangelib has no types
    """A property of the client's own, by which it finds its drafts and their copies again."""

    property_set_id = "c11ff724-aa03-4555-9952-8fa248a11c3e"
    property_name = "SendId"
    property_type = "String"


@pytest.fixture(scope="module", autouse=True)
def send_id() -> None:
    """exchangelib knows the property."""
    if "send_id" not in [field.name for field in exchangelib.Message.FIELDS]:
        exchangelib.Message.register("send_id", SendId)


def draft(account: exchangelib.Account, body: str = "Hello") -> exchangelib.Message:
    """A saved draft."""
    message = exchangelib.Message(
        account=account,
        folder=account.drafts,
        subject="Report",
        body=body,
        to_recipients=["fin@fin.example"],
        send_id="s-1",
    )
    return message.save()


def test_a_mail_above_the_limit_is_not_sent_and_its_draft_stays(
    running: RunningServer, account: exchangelib.Account
) -> None:
    running.server.sending.message_size_limit(3000)
    message = draft(account, "x" * 4000)

    with pytest.raises(errors.ErrorMessageSizeExceeded):
        message.send()

    assert [item.subject for item in running.server.items(SOC, "Drafts")] == ["Report"]
    assert running.server.outbound() == []


def test_a_full_mailbox_takes_no_draft(running: RunningServer, account: exchangelib.Account) -> None:
    running.server.sending.quota(SOC, "full")

    with pytest.raises(errors.ErrorQuotaExceeded):
        draft(account)

    running.server.sending.quota(SOC, "off")
    draft(account)
    assert len(running.server.items(SOC, "Drafts")) == 1


def test_a_mailbox_that_may_not_send_still_takes_drafts(
    running: RunningServer, account: exchangelib.Account
) -> None:
    running.server.sending.quota(SOC, "send")
    message = draft(account)

    with pytest.raises(errors.ErrorQuotaExceeded):
        message.send()

    assert running.server.outbound() == []


def test_an_attachment_does_not_fit_into_a_full_mailbox(
    running: RunningServer, account: exchangelib.Account
) -> None:
    message = draft(account)
    running.server.sending.quota(SOC, "full")

    with pytest.raises(errors.ErrorQuotaExceeded):
        message.attach(exchangelib.FileAttachment(name="a.txt", content=b"x"))


@pytest.mark.parametrize("hard", [False, True])
def test_a_draft_that_a_person_deleted_cannot_be_sent(
    running: RunningServer, account: exchangelib.Account, hard: bool
) -> None:
    message = draft(account)
    running.server.delete(SOC, message.id, hard)

    with pytest.raises(errors.ErrorItemNotFound):
        message.send()

    found = list(account.trash.filter(send_id="s-1"))
    assert len(found) == (0 if hard else 1)
    assert running.server.outbound() == []


def test_a_draft_that_was_changed_meanwhile_is_not_sent_with_the_old_change_key(
    running: RunningServer, account: exchangelib.Account
) -> None:
    message = draft(account)
    again = account.drafts.get(id=message.id)
    again.subject = "Another subject"
    again.save(update_fields=["subject"])

    with pytest.raises(errors.ErrorIrresolvableConflict):
        message.send()


def test_drafts_and_copies_are_found_by_the_property_within_the_time_they_were_made(
    running: RunningServer, account: exchangelib.Account
) -> None:
    now = dt.datetime.now(dt.UTC)
    before, after = now - dt.timedelta(minutes=1), now + dt.timedelta(minutes=5)
    message = draft(account)
    found = list(account.drafts.filter(send_id="s-1", datetime_created__gte=before))
    assert [(one.is_draft, one.is_submitted) for one in found] == [(True, False)]
    assert list(account.drafts.filter(send_id="s-2", datetime_created__gte=before)) == []
    assert list(account.drafts.filter(send_id="s-1", datetime_created__gte=after)) == []

    message.send()

    wait_for(lambda: list(account.sent.filter(send_id="s-1", datetime_created__gte=before)))
    assert list(account.drafts.filter(send_id="s-1")) == []


def test_the_copy_comes_as_late_as_is_wanted(running: RunningServer, account: exchangelib.Account) -> None:
    running.server.sending.sent_items_delay(60)
    draft(account).send()
    wait_for(running.server.outbound)

    assert list(account.sent.filter(send_id="s-1")) == []
    assert list(account.drafts.filter(send_id="s-1")) == []
