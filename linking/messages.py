"""The message of queue `incident-changed`: which pending work is to be done."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from domain.linking_ports import PendingWork


@dataclass(frozen=True, slots=True)
class Changed:
    """Key of a pending row."""

    kind: str
    subject: str
    change: str


def changed_message(work: PendingWork) -> Mapping[str, object]:
    """As it is sent."""
    return {"kind": work.kind, "subject": work.subject, "change": work.change}


def read_changed(text: str) -> Changed:
    """Raises `ValueError`; such a message goes to the poison queue."""
    body = json.loads(text)
    if not isinstance(body, dict):
        raise ValueError("an incident-changed message is an object")
    kind, subject, change = (body.get(name) for name in ("kind", "subject", "change"))
    if not (isinstance(kind, str) and isinstance(subject, str) and isinstance(change, str)):
        raise ValueError("an incident-changed message names kind, subject and change")
    return Changed(kind, subject, change)
