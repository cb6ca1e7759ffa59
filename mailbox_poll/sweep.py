"""The minute's sweep: finishes what a crash left half done, and forgets what was kept for a time only.

Reads what is pending, not what exists. Dies anywhere: what is pending stays so and the next sweep finds it.
"""

from __future__ import annotations

from mailbox_poll.context import PollContext


def sweep_pending(poll: PollContext) -> int:
    """Rewalks that a change of units asked for before its worker died; answers how many were raised."""
    return poll.units.resume_rewalks(poll.clock.now())
