"""Which rows one transaction writes to an incident's tab: mails, conversations, change log and state.

Pure: what is there is passed in, as of the state row's ETag, under which all of it is written. A conversation
that moves leaves a row that says where it stood, from which change to which: so a walk that began earlier
still finds it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import AdminActionError
from store.record_codec import time_text
from store.rows import Delete, Insert, Merge, Operation, Replace, Row, Value
from store.tab_keys import (
    HEADS,
    MAILS,
    STATE,
    TOTALS,
    change_key,
    former_head_key,
    member_key,
    position_of,
)
from store.tab_rows import ADDED, SINCE, UNTIL, Head, Listed, TabState, Totals, head_values, state_values


@dataclass(frozen=True, slots=True)
class Change:
    """A mail that comes (`old` None), changes, or goes (`new` None)."""

    place: str
    old: Listed | None
    new: Listed | None

    @property
    def kind(self) -> str:
        """As the change log calls it."""
        return "added" if self.old is None else "removed" if self.new is None else "changed"

    @property
    def conversations(self) -> tuple[str, ...]:
        """One, or two where an unreadable mail turned out to be of another conversation."""
        both = (self.old.conversation if self.old else None, self.new.conversation if self.new else None)
        return tuple(dict.fromkeys(one for one in both if one is not None))


@dataclass(frozen=True, slots=True)
class Stored:
    """What is there. `heads`: of every conversation that the changes touch. `following`: of those that lose
    their newest mail, the newest that stays."""

    state: TabState
    etag: str | None
    heads: Mapping[str, Head]
    following: Mapping[str, Listed]


def losing(changes: Iterable[Change], heads: Mapping[str, Head]) -> dict[str, frozenset[str]]:
    """Conversations whose newest mail leaves them, with the places of all that leave."""
    gone: dict[str, set[str]] = {}
    for change in changes:
        if change.old is not None and _leaves(change, change.old.conversation):
            gone.setdefault(change.old.conversation, set()).add(change.place)
    return {
        conversation: frozenset(places)
        for conversation, places in gone.items()
        if (head := heads.get(conversation)) is not None and head.latest in places
    }


def planned(partition: str, changes: Sequence[Change], stored: Stored, at: datetime) -> list[Operation]:
    """The transaction, its state row first."""
    sequence = stored.state.sequence + len(changes)
    operations: list[Operation] = []
    for number, change in enumerate(changes, stored.state.sequence + 1):
        operations += _mail_rows(partition, change, sequence)
        mail_id = change.place.partition(";")[2]
        log: dict[str, Value] = {"kind": change.kind, "mail": mail_id, "at": time_text(at)}
        operations.append(Insert(Row(partition, change_key(number), log)))
    conversations = stored.state.conversations
    for conversation in dict.fromkeys(one for change in changes for one in change.conversations):
        mine = [change for change in changes if conversation in change.conversations]
        before = stored.heads.get(conversation)
        after, content = _next_head(conversation, mine, stored, sequence)
        conversations += (after is not None) - (before is not None)
        operations += _conversation_rows(partition, conversation, before, after, content, sequence)
    state = replace(_counted(stored.state, changes), sequence=sequence, conversations=conversations)
    row = Row(partition, STATE, state_values(state))
    return [Insert(row) if stored.etag is None else Replace(row, stored.etag), *operations]


def _mail_rows(partition: str, change: Change, sequence: int) -> list[Operation]:
    old, new = change.old, change.new
    operations: list[Operation] = []
    if old is not None and _leaves(change, old.conversation):
        operations.append(Delete(Row(partition, member_key(old.conversation, change.place))))
    if new is None:
        return [*operations, Delete(Row(partition, MAILS + change.place))]
    values = {**new.values, ADDED: old.added if old else sequence}
    for key in (MAILS + change.place, member_key(new.conversation, change.place)):
        operations.append(Replace(Row(partition, key, values)))
    return operations


def _leaves(change: Change, conversation: str) -> bool:
    return change.new is None or change.new.conversation != conversation


def _next_head(
    conversation: str, changes: Sequence[Change], stored: Stored, sequence: int
) -> tuple[Head | None, Listed | None]:
    """The conversation's head after the changes, and its newest mail where that is another one or another
    state of it."""
    before = stored.heads.get(conversation)
    totals = before.totals if before else Totals()
    here: dict[str, Listed] = {}
    for change in changes:
        if change.old is not None and change.old.conversation == conversation:
            totals = totals.plus(change.old, -1)
        if change.new is not None and change.new.conversation == conversation:
            totals = totals.plus(change.new, 1)
            here[change.place] = change.new
    if totals.count <= 0:
        return None, None
    gone = {change.place for change in changes if _leaves(change, conversation)}
    if before is not None and before.latest not in gone:
        places = {before.latest, *here}
    else:
        left = stored.following.get(conversation)
        if left is not None:
            here.setdefault(left.place, left)
        places = set(here)
    if not places:
        raise AdminActionError("StorageRowUnreadable", "a conversation counts mails that are not there")
    latest = min(places)
    stands = before is not None and _time(before.latest) == _time(latest)
    since = before.since if before is not None and stands else sequence
    return Head(latest, since, totals), here.get(latest)


def _conversation_rows(
    partition: str,
    conversation: str,
    before: Head | None,
    after: Head | None,
    content: Listed | None,
    now: int,
) -> list[Operation]:
    operations: list[Operation] = []
    totals_key = f"{TOTALS}{conversation}"
    if before is not None and (after is None or after.since != before.since):
        position = position_of(before.latest, conversation)
        span: dict[str, Value] = {SINCE: before.since, UNTIL: now}
        operations.append(Delete(Row(partition, HEADS + position)))
        operations.append(Insert(Row(partition, former_head_key(position, now), span)))
    if after is None:
        return [*operations, Delete(Row(partition, totals_key))]
    if after != before:
        operations.append(Replace(Row(partition, totals_key, head_values(after))))
    key = HEADS + position_of(after.latest, conversation)
    if content is not None:
        values = {**content.values, **after.totals.columns(), SINCE: after.since}
        operations.append(Replace(Row(partition, key, values)))
    elif before is not None and after.totals != before.totals:
        operations.append(Merge(Row(partition, key, dict(after.totals.columns(before.totals)))))
    return operations


def _counted(state: TabState, changes: Iterable[Change]) -> TabState:
    mails, unread, suggested, unverified = state.mails, state.unread, state.suggested, state.unverified
    for change in changes:
        for mail, count in ((change.old, -1), (change.new, 1)):
            if mail is not None:
                mails += count
                unread += count * mail.is_marked("unread")
                suggested += count * mail.is_marked("suggested")
                unverified += count * mail.is_marked("unverified")
    return replace(state, mails=mails, unread=unread, suggested=suggested, unverified=unverified)


def _time(place: str) -> str:
    return place.partition(";")[0]
