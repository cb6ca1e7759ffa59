"""The `folder-sync` message: goes on with one folder for its time budget, then hands on to another message.

Dies on any line: the host repeats the message; a message that is lost is sent again by the mailbox's poll
when the
folder's claim runs out.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from domain.business_units import UnitDirectory
from domain.errors import AdminActionError, BoundaryError, ConflictError, FolderGoneError, RetryLaterError
from domain.folder_sync import FolderError
from domain.mailboxes import MailboxConfiguration
from mailbox_poll.context import CLAIM, FOLDER_BUDGET, FOLDER_SYNC_QUEUE, PollContext
from mailbox_poll.folder_sync import FolderRun
from mailbox_poll.messages import FolderSyncMessage, folder_sync_message
from mailbox_poll.outcome import back_off
from mailbox_poll.page import FolderWork
from mailbox_poll.retry_unreadable import retry_unreadable
from mailbox_poll.rewalk import begin_rewalk, rewalk_is_due, rewalk_page


def sync_folder(poll: PollContext, message: FolderSyncMessage) -> None:
    """Syncs the folder until it is complete, the budget is used up or something fails. Raises what storage
    raises."""
    config = poll.mailboxes.read(message.mailbox_id)
    if config is None or not config.settings.enabled or not _is_selected(config, message.folder_id):
        return
    state = poll.schedule.read(message.mailbox_id)
    if state and state.value.back_off_until and state.value.back_off_until > poll.clock.now():
        # The poll that comes after the back-off sends the folder on again, once its claim has run out.
        return
    run = open_run(poll, config, message.folder_id, commit_time=None)
    if run is None:
        return
    try:
        more = work_on(poll, config, run)
    except ConflictError:
        return
    except BoundaryError as error:
        record_failure(run, error)
        back_off(poll, message.mailbox_id, error)
        return
    if more:
        poll.queue.send(FOLDER_SYNC_QUEUE, folder_sync_message(message.mailbox_id, message.folder_id))


def _is_selected(config: MailboxConfiguration, folder_id: str) -> bool:
    """A folder that was unselected in the middle of its walk is read no further. While nothing was selected
    only Inbox gets messages."""
    selection = config.selection
    return selection is None or any(folder.folder_id == folder_id for folder in selection.folders)


def open_run(
    poll: PollContext, config: MailboxConfiguration, folder_id: str, commit_time: str | None
) -> FolderRun | None:
    """The folder's row, then the rewalk that is asked for, then the units: in this order (see
    `folder_sync`)."""
    row = poll.folder_syncs.read(config.settings.mailbox_id, folder_id)
    if row is None:
        return None
    settings = config.settings
    work = FolderWork(
        poll=poll,
        server=poll.servers.open(settings),
        mailbox_id=settings.mailbox_id,
        folder_id=folder_id,
        units=UnitDirectory(()),
    )
    run = FolderRun(work, row, commit_time)
    requested_at = config.rewalk_requested_at
    if requested_at is not None and rewalk_is_due(run.sync, requested_at):
        try:
            begin_rewalk(run, requested_at, timedelta(days=settings.look_back_days))
        except ConflictError:
            return None
    units = UnitDirectory(unit.value for unit in poll.units.read_all(include_archived=False))
    run.work = replace(work, units=units)
    return run


def work_on(
    poll: PollContext, config: MailboxConfiguration, run: FolderRun, *, pages: int | None = None
) -> bool:
    """Pages of changes, then of the rewalk, until done, `pages` were done or the budget is used up; True:
    more left.

    Raises `BoundaryError`, `ConflictError`.
    """
    deadline = poll.clock.now() + FOLDER_BUDGET
    done = 0
    more_changes = True
    while poll.clock.now() < deadline and (pages is None or done < pages):
        if more_changes:
            more_changes = run.sync_page()
        elif not rewalk_page(run):
            break
        done += 1
    if more_changes or run.sync.rewalk is not None:
        run.sync = replace(run.sync, claimed_until=poll.clock.now() + CLAIM)
        run.save()
        return True
    retry_unreadable(run)
    _release(run)
    return False


def _release(run: FolderRun) -> None:
    if run.sync.claimed_until is not None:
        run.sync = replace(run.sync, claimed_until=None)
        run.save()


def record_failure(run: FolderRun, error: BoundaryError) -> None:
    """Writes why the folder could not be synced, for the status page, and when it is tried again."""
    now = run.work.poll.clock.now()
    before = run.sync.error
    wait = error.back_off if isinstance(error, RetryLaterError) and error.back_off else timedelta(0)
    gone = isinstance(error, FolderGoneError)
    run.sync = replace(
        run.sync,
        error=None
        if gone
        else FolderError(
            code=error.code,
            server_message=error.server_message,
            at=now,
            since=before.since if before and before.code == error.code else now,
        ),
        gone_since=(run.sync.gone_since or now) if gone else run.sync.gone_since,
        claimed_until=now + (CLAIM if isinstance(error, AdminActionError) and not gone else wait),
    )
    try:
        run.save()
    except ConflictError:
        return
