"""Whom a draft or a presence belongs to."""

from __future__ import annotations

from api.caller import Caller


def owner_of(caller: Caller) -> str:
    """The person, also where an application acts for them."""
    return f"{caller.id}\n{caller.acting_for or ''}"


def shown_person(caller: Caller) -> str:
    """As colleagues see them."""
    return caller.acting_for or caller.name
