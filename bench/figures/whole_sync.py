"""A whole sync (list, fetch, parse, store, checkpoint) against a peer and against the bare work."""

from __future__ import annotations

from statistics import median

from bench.end_to_end import measure
from bench.figure import Figure, Limit, Measurement, Result

PEER = Figure(
    "sync.end_to_end.vs_exchangelib",
    "times as fast",
    Limit(">=", 3),
    "Seconds from the first request to the last checkpoint of a mailbox's first sync, mails of 37 KB, "
    "storage being "
    "the sandbox's; the peer and the bare run of the next figure take their turn after each run; medians.",
    "exchangelib 5.6.0, the standard library's `email`, and the same blobs and rows written one after "
    "another",
)
BARE = Figure(
    "sync.end_to_end.vs_limit",
    "share of the bare work's speed",
    Limit(">=", 0.6),
    "The same runs. 1 is as fast as the work that nobody can avoid.",
    "bare transfer of the same answers, then `email`'s parse, then the same blobs and transactions by "
    "the SDK, as "
    "many at a time",
)


def run(full: bool) -> dict[str, Result]:
    """1,000 mails and 5 runs, or 300 and 3."""
    mails, runs = (1_000, 5) if full else (300, 3)
    samples = measure(mails, runs)["samples_s"]
    ours, peer, bare = samples["ours"], samples["peer"], samples["bare"]
    seconds = {f"{name}_s": median(values) for name, values in samples.items()}
    return {
        PEER.name: Result(median(peer) / median(ours), _ratios(peer, ours), seconds),
        BARE.name: Result(median(bare) / median(ours), _ratios(bare, ours), seconds),
    }


def _ratios(others: list[float], ours: list[float]) -> list[float]:
    return [other / one for other, one in zip(others, ours, strict=True)]


MEASUREMENT = Measurement((PEER, BARE), run)
