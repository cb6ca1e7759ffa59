"""The minute's sweep: finishes what a crash left half done, and forgets what was kept for a time only.

Reads what is pending, not what exists. Dies anywhere: what is pending stays so and the next sweep finds it.
"""

from __future__ import annotations

import logging

from mailbox_poll.context import PollContext

_log = logging.getLogger(__name__)


def sweep_pending(poll: PollContext) -> None:
    """Raises rewalks that a change of units asked for before its worker died; once an hour, in its first
    minute, forgets the waiting answers whose 90 days are over."""
    now = poll.clock.now()
    raised = poll.units.resume_rewalks(now)
    forgotten = poll.mails.purge_waiting(now) if now.minute == 0 else 0
    if raised or forgotten:
        _log.info("sweep: rewalks raised %d, waiting rows forgotten %d", raised, forgotten)
