"""Which mails a change concerns, a page at a time, so that the walk can go on where another left it. Reads
only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.business_units import UnitDirectory
from domain.linking.facts import business_unit_of
from domain.linking_ports import PendingWork
from domain.ours import incident_key
from linking.context import LinkContext

PAGE = 500

Page = tuple[Sequence[str], str | None]


def pages(context: LinkContext, work: PendingWork) -> Iterator[tuple[str | None, Sequence[str]]]:
    """Ids of mails, with the position after them, from the work's position on.

    Of an incident: mails that carry its token; those that wait or are suggested by one of its units; those
    in it and in what merges with it. Of a unit: all that wait or are suggested; those in its incidents; and
    those whose unit is another one now.
    """
    if work.kind == "mail":
        yield None, _texts(work.before.get("mails"))
        return
    units = frozenset(_texts(work.before.get("units")))
    if work.kind == "unit":
        of_units = context.incidents.of_units(units)
        family = sorted({one.id for found in of_units.values() for one in found})
        sources = ["weak", *(f"in:{one}" for one in family), "moved"]
        weak = None
    else:
        family = _family(context, work.subject)
        sources = ["weak", *(f"token:{one}" for one in family), *(f"in:{one}" for one in family)]
        known = context.incidents.read_many(family)
        weak = units.union(*(one.business_units for one in known.values()))
    sources.append("end")
    start, _, cursor = (work.cursor or "").rpartition("\n")
    if start not in sources:
        start, cursor = sources[0], ""
    for source in sources[sources.index(start) : -1]:
        at = cursor or None if source == start else None
        while True:
            ids, at = _page(context, source, weak, at)
            if at is None:
                break
            yield f"{source}\n{at}", ids
        yield f"{sources[sources.index(source) + 1]}\n", ids


def _page(context: LinkContext, source: str, weak: frozenset[str] | None, cursor: str | None) -> Page:
    kind, _, incident_id = source.partition(":")
    match kind:
        case "weak":
            return context.links.undecided_or_weak(None, None, weak, cursor)
        case "in":
            return context.links.mails_in(incident_id, cursor)
        case "token":
            return _with_token(context, incident_id, cursor)
        case _:
            return _moved(context, cursor)


def _with_token(context: LinkContext, incident_id: str, cursor: str | None) -> Page:
    digest = context.mails.keyed_hash(incident_key(incident_id))
    found = [one for one in sorted(context.links.naming([digest]).get(digest, ())) if one > (cursor or "")]
    return found[:PAGE], found[PAGE - 1] if len(found) > PAGE else None


def _moved(context: LinkContext, cursor: str | None) -> Page:
    """Mails that count as another unit's now, wherever they are placed: the tab shows and filters by it. What
    is not decided yet is left to its own worker: the index may not hold it yet."""
    units = UnitDirectory(row.value for row in context.units.read_all(include_archived=False))
    mails, after = context.links.walk(cursor)
    changed = [
        one.mail.id
        for one in mails
        if one.state.decided and business_unit_of(one.mail, units) != one.state.business_unit
    ]
    return changed, after


def _family(context: LinkContext, incident_id: str) -> list[str]:
    """The incident, those it is merged into, and all that are merged into one of them."""
    merged = context.incidents.merged([incident_id])
    top = {incident_id, *merged, *merged.values()}
    return sorted(top.union(*(context.incidents.merged_into(one) for one in top)))


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
