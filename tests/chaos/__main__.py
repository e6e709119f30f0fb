"""`python -m tests.chaos [--share 0.01] [--seed N]`: faults on real servers; ends with 1 when the outcome is wrong."""

import argparse
import logging
import sys
import tempfile
from pathlib import Path
from random import SystemRandom

from tests.chaos.run import FULL, run


def main() -> int:
    """0 when nothing was lost, doubled or wrong, in a run that had enough faults."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the full size")
    parser.add_argument("--seed", type=int, default=None, help="any by default; the report says which")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # clients complain of every fault that we inject
    seed = SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    report = run(FULL.share(given.share), seed=seed, folder=folder)
    sys.stdout.write(f"{report}\nlogs of the services: {folder}\n{'FAILED' if report.faults else 'PASSED'}\n")
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
