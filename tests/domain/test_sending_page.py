"""docs/sending.md shows the state machine as the code has it."""

from __future__ import annotations

from pathlib import Path
from runpy import run_path

import pytest

from domain.outbox import TRANSITIONS, OutboxEvent, OutboxState

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = run_path(str(ROOT / "scripts" / "state_table.py"))
page, tables = SCRIPT["page"], SCRIPT["tables"]


def test_the_page_is_what_the_code_says() -> None:
    text = SCRIPT["PAGE"].read_text(encoding="utf-8")
    assert text == page(text), "run scripts/states"


def test_every_edge_and_every_meaning_is_in_the_tables() -> None:
    rows = {row.split(" | ")[0]: row for row in tables().splitlines()}
    for (state, event), after in TRANSITIONS.items():
        cells = rows[f"| `{event}`"].strip("|").split("|")
        assert cells[1 + list(OutboxState).index(state)].strip() == after
    assert sum(
        rows[f"| `{event}`"].count(f" {state} |") for event in OutboxEvent for state in OutboxState
    ) >= len(TRANSITIONS)
    assert all(rows[f"| *{state}*"].split("|")[2].strip() for state in OutboxState)


def test_a_page_without_a_place_for_them_is_told() -> None:
    with pytest.raises(ValueError, match=r"sending\.md"):
        page("# Sending\n")
