"""What an incident's tab costs: its first page with few and many mails, and a look whether it changed."""

from __future__ import annotations

import gc
import math
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.figure import Figure, Limit, Measurement, Result
from bench.watched import CountingTransport
from domain.linking_ports import MailFilter
from domain.links import Link, LinkedMail, LinkRule, LinkState, MailState, Stratum
from domain.mail import Address, Direction, Mail, Part
from store.connection import StorageConnection, StoreSettings
from store.incident_mail_store import TableIncidentMailStore
from store.tab_keys import HEADS, STATE
from store.table import key_range, quoted
from tests.support.azurite import running_azurite

_INCIDENT = "inc-1042"
_PAGE = 50
_SIZES = (1_000, 20_000)
_MAILS_A_CONVERSATION = 4
_NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
PAGE = Figure(
    "tab.first_page.p95_growth",
    "ratio of time",
    Limit("<=", 1.2),
    "95th percentile of the time of the tab's first page of 50 conversations, read from the storage emulator "
    "and made into the domain's values, over that of the bare query, by turns; with 1,000 and with 20,000 "
    "linked mails, four a conversation, the worse of the two. A page that is not one request of at most 51 "
    "rows fails the run.",
    "the same query made with the Azure SDK, its rows left as they are, of the same tab",
)
UNCHANGED = Figure(
    "tab.unchanged.storage_ops",
    "requests",
    Limit("==", 1),
    "Requests to storage that tell whether an incident's tab of 20,000 mails has changed since the caller's "
    "version of it.",
    "the least there can be",
)


def run(full: bool) -> dict[str, Result]:
    """300 pages of each size, or 100."""
    with tempfile.TemporaryDirectory() as folder, running_azurite(Path(folder) / "azurite") as azurite:
        counting = CountingTransport()
        connection = StorageConnection(
            StoreSettings(connection_string=azurite.connection_string), lambda: counting
        )
        tab = _Tab(connection, counting)
        ratios, details = [], {}
        for size in _SIZES:
            tab.fill(size)
            ours, bare = tab.times(300 if full else 100)
            ratios.append(_p95(ours) / _p95(bare))
            details[f"ratio_at_{size}"] = ratios[-1]
            details[f"page_ms_at_{size}"] = median(ours) * 1000
        unchanged = counting.of(lambda: tab.store.version([_INCIDENT]))
    return {
        PAGE.name: Result(max(ratios), ratios, details),
        UNCHANGED.name: Result(len(unchanged), [len(unchanged)]),
    }


class _Tab:
    """The tab of one incident."""

    def __init__(self, connection: StorageConnection, counting: CountingTransport) -> None:
        self.store = TableIncidentMailStore(connection)
        self._counting = counting
        self._client: Any = connection.tables.get_table_client("incidentmails")
        self._mails = 0

    def fill(self, size: int) -> None:
        """Puts mails until there are so many."""
        while self._mails < size:
            self.store.put(_INCIDENT, [_linked(self._mails + number) for number in range(500)], _NOW)
            self._mails += 500

    def times(self, pages: int) -> tuple[list[float], list[float]]:
        """Seconds of the page and of the bare query, by turns, after a few of each."""
        ours, bare = [], []
        for _ in range(pages + 5):
            gc.collect()
            ours.append(_seconds(self._page))
            bare.append(_seconds(self._bare_query))
        return ours[5:], bare[5:]

    def _page(self) -> None:
        requests = self._counting.of(
            lambda: self.store.conversations([_INCIDENT], MailFilter(), limit=_PAGE, cursor=None)
        )
        if len(requests) != 1 or f"$top={_PAGE + 1}" not in requests[0]:
            raise RuntimeError(f"the first page asked {requests}")

    def _bare_query(self) -> None:
        condition = (
            f"PartitionKey eq {quoted(_INCIDENT)} and RowKey ge {quoted(STATE)} "
            f"and RowKey lt {quoted(key_range(HEADS)[1])}"
        )
        rows = next(self._client.query_entities(condition, results_per_page=_PAGE + 1).by_page())
        if len(list(rows)) != _PAGE + 1:
            raise RuntimeError("the bare query is not of the same page")


def _seconds(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _p95(times: list[float]) -> float:
    return sorted(times)[math.ceil(len(times) * 0.95) - 1]


def _linked(number: int) -> LinkedMail:
    mail = Mail(
        id=f"default.{number:032x}",
        mailbox_id="default",
        received_at=_NOW - timedelta(minutes=number * 7919 % 40_000),
        direction=Direction.INCOMING if number % 3 else Direction.OUTGOING,
        internet_message_id=f"<{number}.asked@fin.example>",
        conversation_id=f"AAQkAGI2TG93AAA={number // _MAILS_A_CONVERSATION}",
        sender=Address("Ann Ivić", f"ann{number % 50}@fin.example"),
        to=(Address("SOC", "soc@corp.example"), Address("", "ivo@fin.example")),
        subject=f"Re: Please check the invoices, part {number}",
        preview="We opened it on two machines and closed it again. " * 4,
        sent_at=_NOW,
        business_unit="finance",
        parts=(Part(900, 2_000), Part(3_100, 9_000, "application/pdf", filename="list.pdf")),
        text_part=0,
        raw_size_bytes=37_000,
    )
    link = Link(_INCIDENT, LinkRule.REFERENCE, LinkState.LINKED, Stratum.CERTAIN)
    return LinkedMail(mail, MailState(decided=True, link=link, business_unit="finance"), "")


MEASUREMENT = Measurement((PAGE, UNCHANGED), run)
