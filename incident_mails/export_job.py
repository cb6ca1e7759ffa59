"""Queue `mail-export`: writes an incident's correspondence into one archive, in steps that each end in the
row.

A step stages blocks, notes what it wrote, and moves the row under its ETag. Dies anywhere: the message
comes again, or the next request for the export sends another; the step that was under way is done again,
and its blocks are never part of the archive. The archive appears by one request, with everything in it.
What timers and queues load stays without the web framework: this module too.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from domain.errors import ConflictError, NotFoundError
from domain.exports import ExportProgress, ExportState, ExportStore
from domain.linking_ports import IncidentMailStore, MailFilter, TabMail
from domain.ports import Clock, RawMailStore, WorkQueue
from domain.stored import Versioned
from incident_mails.export_archive import ArchiveWriter
from incident_mails.export_index import csv_head, csv_line, file_name, index_row
from incident_mails.zip_format import Entry, directory

MAIL_EXPORT_QUEUE = "mail-export"
KEPT = timedelta(days=1)
"""An incident's older exports go when a new one is finished."""
_CLAIM = timedelta(minutes=4)
_BUDGET = timedelta(minutes=3)
_STEP_MAILS = 500
_PAGE = 100
_AHEAD = 16
_SMALL_BYTES = 256 * 1024
"""Mails up to this size are fetched side by side; larger ones are streamed, one at a time."""


@dataclass(frozen=True, slots=True)
class ExportContext:
    """Ports of the job. `pool` fetches small mails side by side."""

    exports: ExportStore
    tabs: IncidentMailStore
    raw: RawMailStore
    queue: WorkQueue
    clock: Clock
    pool: Executor


def export_message(state: ExportState) -> dict[str, object]:
    """The queue message that asks for it."""
    return {"incident": state.incident_id, "export": state.id}


def export_mails(context: ExportContext, message: str) -> None:
    """Does the export, or as much as fits. Raises `ValueError` for a strange message, and what storage
    raises."""
    body = json.loads(message)
    stored = context.exports.read(str(body["incident"]), str(body["export"]))
    now = context.clock.now()
    if stored is None or stored.value.progress is ExportProgress.DONE:
        return
    if stored.value.claimed_until is not None and stored.value.claimed_until > now:
        return
    try:
        _run(context, stored, now + _BUDGET)
    except ConflictError:
        return  # another worker has it


def _run(context: ExportContext, stored: Versioned[ExportState], until: datetime) -> None:
    stored = _save(context, stored, progress=ExportProgress.RUNNING)
    try:
        while not stored.value.all_read and context.clock.now() < until:
            stored = _step(context, stored)
        if stored.value.all_read:
            _finish(context, stored)
            return
    except ConflictError:
        raise
    except Exception:
        # The message comes again within seconds, and must find the export free.
        _save(context, stored, progress=ExportProgress.WAITING, claimed=False)
        raise
    stored = _save(context, stored, progress=ExportProgress.WAITING, claimed=False)
    context.queue.send(MAIL_EXPORT_QUEUE, export_message(stored.value))


def _save(
    context: ExportContext, stored: Versioned[ExportState], *, claimed: bool = True, **changes: Any
) -> Versioned[ExportState]:
    until = context.clock.now() + _CLAIM if claimed else None
    return context.exports.save(replace(stored.value, claimed_until=until, **changes), stored.etag)


def _step(context: ExportContext, stored: Versioned[ExportState]) -> Versioned[ExportState]:
    state = stored.value
    writer = ArchiveWriter(lambda content: context.exports.stage(state, content), state.offset)
    rows: list[dict[str, object]] = []
    cursor: str | None = state.cursor
    all_read = False
    while len(rows) < _STEP_MAILS and not all_read:
        page = context.tabs.flat(state.incident_ids, MailFilter(), limit=_PAGE, cursor=cursor)
        for shown, pieces in _with_content(context, page.mails):
            rows.append(_add(writer, shown, state.mails_done + len(rows) + 1, pieces))
        cursor, all_read = page.cursor, page.cursor is None
    writer.flush()
    name = uuid.uuid4().hex
    note = {"blocks": writer.blocks, "entries": [astuple(one) for one in writer.entries], "rows": rows}
    context.exports.put_note(state, name, json.dumps(note, ensure_ascii=False).encode("utf-8", "replace"))
    done = state.mails_done + len(rows)
    return _save(
        context,
        stored,
        mails_done=done,
        mails_total=max(state.mails_total, done),
        cursor=cursor,
        all_read=all_read,
        offset=writer.offset,
        steps=(*state.steps, name),
    )


def _with_content(
    context: ExportContext, mails: tuple[TabMail, ...]
) -> Iterator[tuple[TabMail, Iterable[bytes] | None]]:
    """With each mail its raw message; None where there is none."""

    def fetched(shown: TabMail) -> bytes | None:
        mail = shown.mail
        if not 0 < mail.raw_size_bytes <= _SMALL_BYTES:
            return None
        try:
            return context.raw.read(mail.id)
        except NotFoundError:
            return None

    for begin in range(0, len(mails), _AHEAD):
        ahead = mails[begin : begin + _AHEAD]
        for shown, content in zip(ahead, context.pool.map(fetched, ahead), strict=True):
            if content is not None:
                yield shown, (content,)
            elif shown.mail.raw_size_bytes > _SMALL_BYTES and _is_there(context, shown.mail.id):
                yield shown, context.raw.stream(shown.mail.id)
            else:
                yield shown, None


def _is_there(context: ExportContext, mail_id: str) -> bool:
    try:
        return context.raw.size(mail_id) > 0
    except NotFoundError:
        return False


def _add(
    writer: ArchiveWriter, shown: TabMail, number: int, pieces: Iterable[bytes] | None
) -> dict[str, object]:
    problem = shown.mail.problem.code if shown.mail.problem else None
    if pieces is None:
        missing = problem or "RawMessageMissing"
        return index_row(shown, number, file=None, sha256=None, size_bytes=0, problem=missing)
    name = file_name(shown.mail, number)
    digest, size = writer.add(name, shown.mail.received_at, pieces)
    return index_row(shown, number, file=name, sha256=digest, size_bytes=size, problem=problem)


def _finish(context: ExportContext, stored: Versioned[ExportState]) -> None:
    """Index, digests and directory; each step's note is read once for each of them, one at a time."""
    state, exports = stored.value, context.exports

    def notes(member: str) -> Iterator[Any]:
        for name in state.steps:
            yield from json.loads(exports.read_note(state, name))[member]

    writer = ArchiveWriter(lambda content: exports.stage(state, content), state.offset)
    at = state.requested_at
    about = {
        "incident": state.incident_id,
        "title": state.title,
        "incidents": list(state.incident_ids),
        "mails": state.mails_done,
        "requestedAt": at.isoformat(),
        "requestedBy": state.requested_by,
        "digests": "SHA-256, in SHA256SUMS",
    }
    sums: list[tuple[str, str]] = [
        (writer.add(name, at, pieces)[0], name)
        for name, pieces in (
            ("index.json", _json_index(lambda: notes("rows"))),
            ("index.csv", _csv_index(lambda: notes("rows"))),
            ("about.json", [json.dumps(about, ensure_ascii=False, indent=1).encode("utf-8", "replace")]),
        )
    ]
    mails = ((row["sha256"], row["file"]) for row in notes("rows") if row["file"])
    lines = (f"{digest}  {name}\n".encode() for pairs in (mails, sums) for digest, name in pairs)
    writer.add("SHA256SUMS", at, lines)
    own = list(writer.entries)
    digest = hashlib.sha256()

    def entries() -> Iterator[Entry]:
        yield from (Entry(*fields) for fields in notes("entries"))
        yield from own

    for piece in directory(entries(), writer.offset):
        digest.update(piece)
        writer.write(piece)
    writer.flush()
    size = exports.commit(state, [*notes("blocks"), *writer.blocks], digest.hexdigest())
    _save(context, stored, progress=ExportProgress.DONE, claimed=False, size_bytes=size)
    exports.forget(state.incident_id, at - KEPT)


def _json_index(rows: Callable[[], Iterator[Any]]) -> Iterator[bytes]:
    yield b"["
    for number, row in enumerate(rows()):
        yield (",\n" if number else "\n").encode()
        yield json.dumps(row, ensure_ascii=False).encode("utf-8", "replace")
    yield b"\n]\n"


def _csv_index(rows: Callable[[], Iterator[Any]]) -> Iterator[bytes]:
    yield csv_head()
    for row in rows():
        yield csv_line(row)
