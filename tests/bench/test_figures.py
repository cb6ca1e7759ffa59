"""The promises that are measured: each is in the table, and what is cheap to measure holds here too."""

from __future__ import annotations

import json

import pytest

from bench.figure import Limit
from bench.figures.idle_poll import MEASUREMENT as IDLE_POLL
from bench.registry import choose, figures
from bench.results_file import RESULTS, TABLE, table


def test_every_figure_has_a_name_of_its_own() -> None:
    names = [figure.name for figure in figures()]
    assert len(set(names)) == len(names)


def test_the_table_is_the_one_that_the_kept_results_make() -> None:
    assert table(json.loads(RESULTS.read_text())) == TABLE.read_text()


def test_every_figure_was_measured_and_says_truly_whether_it_holds() -> None:
    kept = json.loads(RESULTS.read_text())["figures"]
    assert list(kept) == [figure.name for figure in figures()]
    for figure in figures():
        entry = kept[figure.name]
        assert (entry["unit"], entry["limit"]) == (figure.unit, str(figure.limit))
        assert entry["holds"] == figure.limit.holds(entry["value"])
        assert entry["samples"]


def test_a_name_or_the_start_of_several_chooses_what_measures_it() -> None:
    assert [choice.run for choice in choose(["sync.idle"])] == [IDLE_POLL.run]
    assert [choice.run for choice in choose(["sync.idle.storage_ops"])] == [IDLE_POLL.run]
    assert len(choose([])) > 1
    with pytest.raises(LookupError):
        choose(["sync.idl"])


@pytest.mark.parametrize(
    "limit, good, bad",
    [
        (Limit("<=", 2), 2, 2.1),
        (Limit("<", 2), 1.9, 2),
        (Limit(">=", 2), 2, 1.9),
        (Limit("==", 2), 2, 1),
    ],
)
def test_a_limit_holds_up_to_its_bound(limit: Limit, good: float, bad: float) -> None:
    assert limit.holds(good)
    assert not limit.holds(bad)


def test_an_idle_mailbox_costs_what_is_promised() -> None:
    results = IDLE_POLL.run(False)
    found = {figure.name: results[figure.name].value for figure in IDLE_POLL.figures}
    assert all(figure.limit.holds(found[figure.name]) for figure in IDLE_POLL.figures), found
