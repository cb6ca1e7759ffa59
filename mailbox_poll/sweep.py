"""The minute's sweep: finishes what a crash left half done, and forgets what was kept for a time only.

Reads what is pending, not what exists. Dies anywhere: what is pending stays so and the next sweep finds it.
"""

from __future__ import annotations

import logging

from linking.relink import sweep_links
from mailbox_poll.context import PollContext

_log = logging.getLogger(__name__)


def sweep_pending(poll: PollContext) -> None:
    """Raises rewalks and re-decisions whose worker died; in the first minute of an hour forgets the answers
    that have waited for 90 days."""
    now = poll.clock.now()
    raised = poll.units.resume_rewalks(now)
    relinked = sweep_links(poll.linking)
    forgotten = poll.mails.purge_waiting(now) if now.minute == 0 else 0
    if raised or relinked or forgotten:
        _log.info(
            "sweep: rewalks raised %d, re-decisions %d, waiting rows forgotten %d",
            raised,
            relinked,
            forgotten,
        )
