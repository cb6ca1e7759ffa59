"""A delivery report that names the returned mail only inside is ours where that mail is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.business_units import UnitDirectory
from domain.errors import RetryLaterError
from domain.mime.message import MailContext
from domain.server_items import Envelope, FetchedMessage, ItemSummary
from mailbox_poll.decide import Decider, Decision
from sandbox.exchange.bounces import Failure, Report, postfix_report
from sandbox.exchange.refusals import Refusal

NOW = datetime(2026, 11, 1, tzinfo=UTC)
REPORT = postfix_report(
    Report(
        b"Message-ID: <ours@corp.example>\r\nSubject: Re: x\r\n\r\nText\r\n",
        "<ours@corp.example>",
        "Re: x",
        "soc@corp.example",
        "corp.example",
        [Failure("ann@fin.example", Refusal("*", 550, "5.1.1 No", True))],
        False,
    )
)
HEADERS = (("Content-Type", "multipart/report; report-type=delivery-status; boundary=b"),)


def decided(known: set[str], raw: bytes = REPORT, trouble: Exception | None = None) -> Decision:
    """What becomes of the report, where these Message-IDs are stored."""

    def chunks() -> Iterator[bytes]:
        yield raw[:100]
        if trouble:
            raise trouble
        yield raw[100:]

    envelope = Envelope(ItemSummary("item", NOW), headers=HEADERS)
    server = SimpleNamespace(
        envelopes=lambda ids: [envelope], messages=lambda ids: iter([FetchedMessage("item", chunks())])
    )
    mails = SimpleNamespace(keyed_hash=lambda key: key, known_among=lambda names: names & known)
    context = MailContext("default", "soc@corp.example", UnitDirectory(()))
    decider = Decider(
        cast(Any, server), cast(Any, mails), context, "inbox", NOW, summaries_are_full=False, token_keys=list
    )
    return decider.decide([ItemSummary("item", NOW)])


def test_a_report_about_a_mail_that_we_know_is_ours() -> None:
    assert [one.summary.item_id for one in decided({"ours@corp.example"}).ours] == ["item"]


def test_a_report_about_another_mail_waits_for_it_and_is_not_fetched() -> None:
    decision = decided(set())
    assert (decision.ours, decision.other) == ([], 1)
    assert [one.named for one in decision.waiting] == [("ours@corp.example",)]


def test_a_report_that_cannot_be_read_holds_nothing_up() -> None:
    decision = decided({"ours@corp.example"}, trouble=RetryLaterError("ConnectionLost"))
    assert (decision.ours, decision.other) == ([], 1)
    assert decided({"ours@corp.example"}, raw=b"no report").ours == []


def test_a_server_that_asks_for_time_is_given_it() -> None:
    with pytest.raises(RetryLaterError):
        decided(set(), trouble=RetryLaterError("ErrorServerBusy", back_off=timedelta(seconds=9)))
