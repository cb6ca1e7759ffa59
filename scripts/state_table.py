"""Writes the state table of docs/sending.md from `domain.outbox`. The page is written whole: a crash leaves
the old one."""

import ast
import inspect
import re
import sys
from pathlib import Path

from domain import outbox
from domain.outbox import TRANSITIONS, OutboxEvent, OutboxState

PAGE = Path(__file__).resolve().parent.parent / "docs" / "sending.md"
BEGIN, END = "<!-- scripts/states writes from here -->\n", "<!-- to here -->\n"


def page(text: str) -> str:
    """The page with the tables as the code says them now. Raises ValueError where it has no place for
    them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no place for the tables")
    return before + begin + tables() + end + after


def tables() -> str:
    """What the states and events mean, and which event leads from which state to which."""
    states, events = _meanings(OutboxState), _meanings(OutboxEvent)
    lines = ["| state | what is true |", "|---|---|"]
    lines += [f"| *{state}* | {states.get(state.name, '')} |" for state in OutboxState]
    lines += [
        "",
        f"| event | {' | '.join(OutboxState)} | what happens |",
        "|---" * (len(OutboxState) + 2) + "|",
    ]
    for event in OutboxEvent:
        cells = [TRANSITIONS.get((state, event), "") for state in OutboxState]
        lines.append(f"| `{event}` | {' | '.join(cells)} | {events.get(event.name, '')} |")
    return "\n".join(lines) + "\n"


def _meanings(kind: type[OutboxState] | type[OutboxEvent]) -> dict[str, str]:
    """The sentence below each member."""
    tree = ast.parse(inspect.getsource(outbox))
    [body] = [one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == kind.__name__]
    meanings, name = {}, ""
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and name:
            meanings[name] = re.sub(r"\s+", " ", str(statement.value.value)).strip()
    return meanings


def main() -> int:
    """Writes the page."""
    new = PAGE.with_suffix(".new")
    new.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    new.replace(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
