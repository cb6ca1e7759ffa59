"""Real clients' habits, from a raw message to its place: each lands where it belongs or waits in triage, with
the marks that an analyst needs. None is silently wrong."""

from __future__ import annotations

import pytest

from tests.linking.scenarios import bad_input, clients, forwards, gateways, prefixes, reports, strangers
from tests.linking.scenarios.world import Scenario, outcome

SCENARIOS = [
    one
    for theme in (clients, prefixes, gateways, forwards, reports, strangers, bad_input)
    for one in theme.SCENARIOS
]


@pytest.mark.parametrize("one", SCENARIOS, ids=lambda one: one.name)
def test_the_mail_is_where_it_belongs(one: Scenario) -> None:
    assert outcome(one) == (one.place, one.marks, one.kind)


def test_every_scenario_has_a_name_of_its_own() -> None:
    assert len({one.name for one in SCENARIOS}) == len(SCENARIOS) >= 120
