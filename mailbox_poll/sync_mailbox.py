"""The `mailbox-sync` message: asks in one request which folders changed, syncs what is small, hands on the
rest.

Dies on any line: the host repeats the message; when that is lost too, the poll's claim runs out and it is
due again.
A message sent under a claim that is no longer the poll's is dropped: a newer one is on its way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from domain.business_units import UnitDirectory
from domain.errors import BoundaryError, ConflictError, RetryLaterError
from domain.folder_sync import FolderSync, current_path
from domain.mailboxes import MailboxConfiguration, PollState, SelectedFolder
from domain.mime.message import MailContext
from domain.server_items import FolderGone, FolderState
from domain.stored import Versioned
from mailbox_poll.arrivals import take_arrivals
from mailbox_poll.context import (
    CLAIM,
    FOLDER_SYNC_QUEUE,
    INLINE_BUDGET,
    RESYNC_AFTER,
    PollContext,
)
from mailbox_poll.messages import MailboxSyncMessage, folder_sync_message
from mailbox_poll.outcome import mailbox_is_off, poll_failed, poll_succeeded
from mailbox_poll.page import FolderWork
from mailbox_poll.retries import due_retries
from mailbox_poll.rewalk import rewalk_is_due
from mailbox_poll.sync_folder import open_run, record_failure, work_on
from mailbox_poll.wake import wake_answers

if TYPE_CHECKING:
    from domain.ports import MailServer

DEFAULT_FOLDER = SelectedFolder(folder_id="inbox", path="Inbox")
"""What is polled while no folder was selected."""
_INLINE_PAGES = 1
_SETTLE = timedelta(seconds=5)


def sync_mailbox(poll: PollContext, message: MailboxSyncMessage) -> None:
    """Polls the mailbox and writes how it went. Raises what storage raises; the host then repeats the
    message."""
    config = poll.mailboxes.read(message.mailbox_id)
    if config is None or not config.settings.enabled:
        mailbox_is_off(poll, message.mailbox_id)
        return
    if message.woken:
        _wake(poll, config, message.woken)
        return
    state = poll.schedule.read(message.mailbox_id)
    if state is None or message.claimed_until not in (None, state.value.claimed_until):
        return
    started_at = poll.clock.now()
    if state.value.back_off_until and state.value.back_off_until > started_at:
        return
    try:
        _MailboxPoll(poll, config, state.value, started_at).run()
    except BoundaryError as error:
        poll_failed(poll, state, started_at, error)
    else:
        poll_succeeded(poll, state, started_at)


def _wake(poll: PollContext, config: MailboxConfiguration, hashes: Iterable[str]) -> None:
    units = UnitDirectory(unit.value for unit in poll.units.read_all(include_archived=False))
    settings = config.settings
    server = poll.servers.open(settings)
    context = MailContext(settings.mailbox_id, server.own_address(), units)
    wake_answers(poll, server, context, list(hashes))


class _MailboxPoll:
    def __init__(
        self, poll: PollContext, config: MailboxConfiguration, state: PollState, started_at: datetime
    ) -> None:
        self._poll = poll
        self._config = config
        self._state = state
        self._started_at = started_at
        self._server: MailServer = poll.servers.open(config.settings)

    def run(self) -> None:
        """Raises a `BoundaryError` that concerns the whole mailbox: one that asks to stay away, or that no
        folder
        was spared. One folder's own trouble stays in its row and does not slow the others down."""
        mailbox_id = self._config.settings.mailbox_id
        selected = self._config.selection.folders if self._config.selection else (DEFAULT_FOLDER,)
        rows = {row.value.folder_id: row for row in self._poll.folder_syncs.read_all(mailbox_id)}
        if not selected:
            return
        answers = self._server.folder_states([folder.folder_id for folder in selected])
        failures: list[BoundaryError] = []
        for folder, answer in zip(selected, answers, strict=True):
            try:
                self._look_at(folder, answer, rows)
            except BoundaryError as error:
                if isinstance(error, RetryLaterError) and error.back_off is not None:
                    raise
                failures.append(error)
        if len(failures) == len(selected):
            raise failures[0]

    def _look_at(
        self,
        folder: SelectedFolder,
        answer: FolderState | FolderGone,
        rows: dict[str, Versioned[FolderSync]],
    ) -> None:
        if isinstance(answer, FolderGone):
            row = rows.get(folder.folder_id)
            if row is None:
                self._insert(replace(self._new_row(folder, folder.folder_id), gone_since=self._started_at))
            elif row.value.gone_since is None:
                self._change(row, gone_since=self._started_at)
            return
        row = rows.get(answer.server_id)
        if row is None:
            self._begin_walk(folder, answer)
            return
        path = current_path(row.value.path, answer.name)
        is_default = row.value.is_default or folder is DEFAULT_FOLDER
        if (path, is_default) != (row.value.path, row.value.is_default):
            row = self._change(row, path=path, is_default=is_default) or row
        sync = row.value
        if sync.walking:
            self._take_arrivals(sync)
        if sync.claimed_until and sync.claimed_until > self._started_at:
            return
        needs = _Needs(sync, answer, self._config.rewalk_requested_at, self._started_at)
        if sync.walking or needs.rewalk:
            self._hand_on(row)
        elif needs.changes:
            self._sync_small(row, answer)

    def _begin_walk(self, folder: SelectedFolder, answer: FolderState) -> None:
        row = replace(
            self._new_row(folder, answer.server_id),
            path=current_path(folder.path, answer.name),
            walk_total=answer.total_count,
            claimed_until=self._started_at + CLAIM,
        )
        if self._insert(row):
            self._send(answer.server_id)

    def _new_row(self, folder: SelectedFolder, folder_id: str) -> FolderSync:
        settings = self._config.settings
        return FolderSync(
            mailbox_id=settings.mailbox_id,
            folder_id=folder_id,
            path=folder.path,
            window_from=self._started_at - timedelta(days=settings.look_back_days),
            walk_started_at=self._started_at,
            # Units are read after this row, so they include all that this request is about.
            rewalked_at=self._config.rewalk_requested_at,
            is_default=folder is DEFAULT_FOLDER,
        )

    def _insert(self, row: FolderSync) -> bool:
        try:
            self._poll.folder_syncs.save(row, None)
        except ConflictError:
            return False
        return True

    def _change(self, row: Versioned[FolderSync], **changes: Any) -> Versioned[FolderSync] | None:
        """The row with these fields changed; None where somebody else was faster: the next poll looks."""
        full = self._poll.folder_syncs.read(row.value.mailbox_id, row.value.folder_id)
        if full is None:
            return None
        try:
            return self._poll.folder_syncs.save(replace(full.value, **changes), full.etag)
        except ConflictError:
            return None

    def _hand_on(self, row: Versioned[FolderSync]) -> None:
        if self._change(row, claimed_until=self._started_at + CLAIM):
            self._send(row.value.folder_id)

    def _sync_small(self, row: Versioned[FolderSync], answer: FolderState) -> None:
        folder_id = row.value.folder_id
        run = open_run(self._poll, self._config, folder_id, answer.commit_time)
        if run is None:
            return
        if self._poll.clock.now() - self._started_at > INLINE_BUDGET:
            self._hand_on(row)
            return
        try:
            more = work_on(self._poll, self._config, run, pages=_INLINE_PAGES)
        except ConflictError:
            return
        except BoundaryError as error:
            record_failure(run, error)
            raise
        if more:
            self._send(folder_id)

    def _take_arrivals(self, sync: FolderSync) -> None:
        units = UnitDirectory(unit.value for unit in self._poll.units.read_all(include_archived=False))
        work = FolderWork(self._poll, self._server, self._config.settings.mailbox_id, sync.folder_id, units)
        take_arrivals(work, sync.walk_started_at or self._started_at, self._state.last_succeeded_at)

    def _send(self, folder_id: str) -> None:
        message = folder_sync_message(self._config.settings.mailbox_id, folder_id)
        self._poll.queue.send(FOLDER_SYNC_QUEUE, message)


class _Needs:
    """What a folder's row and the server's answer ask for."""

    def __init__(
        self, sync: FolderSync, answer: FolderState, rewalk_requested_at: datetime | None, now: datetime
    ) -> None:
        self.rewalk = sync.rewalk is not None or rewalk_is_due(sync, rewalk_requested_at)
        unchanged = answer.commit_time is not None and answer.commit_time == sync.commit_time
        unchanged = unchanged and _had_settled(sync)
        fresh = sync.synced_at is not None and now - sync.synced_at < RESYNC_AFTER
        self.changes = not (unchanged and fresh) or sync.error is not None or sync.gone_since is not None
        self.changes = self.changes or bool(due_retries(sync, now))


def _had_settled(sync: FolderSync) -> bool:
    """Was the commit time some seconds old when the folder was last synced? A server that counts in whole
    seconds shows the same time for a change that came right after."""
    if sync.commit_time is None or sync.synced_at is None:
        return False
    try:
        committed_at = datetime.fromisoformat(sync.commit_time)
    except ValueError:
        return False
    if committed_at.tzinfo is None:
        committed_at = committed_at.replace(tzinfo=UTC)
    return sync.synced_at - committed_at > _SETTLE
