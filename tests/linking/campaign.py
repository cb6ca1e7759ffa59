"""Many random histories, one after another: `python -m tests.linking.campaign --count N --seed FIRST`."""

from __future__ import annotations

import argparse
import sys
import time

from tests.linking.histories import History


def main() -> int:
    """Prints each seed that failed, with what happened in it; ends with 1 where one did."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="how many histories")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    options = parser.parse_args()
    failed = 0
    begin = time.monotonic()
    for seed in range(options.seed, options.seed + options.count):
        history = History(seed)
        try:
            history.run()
            history.check()
        except AssertionError as error:
            failed += 1
            print(f"seed {seed}: {error}", *history.steps, sep="\n  ", flush=True)
    print(f"{options.count} histories in {time.monotonic() - begin:.0f} s, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
