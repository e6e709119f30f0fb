"""`python -m tests.simulation SEED [BUG]` says what went wrong with a seed, in as few steps as it takes.

`python -m tests.simulation record` finds seeds for every planted bug, as `tests/simulation/bugs.py` has them.
"""

import os
import sys
from concurrent.futures import Executor
from functools import partial

from tests.simulation.bugs import BUGS
from tests.simulation.workers import HASHES, disable_logging, finding_seeds, report, worker_pool

RECORDED = 3


def main() -> int:
    """The report is printed; 2 for a command that cannot be read."""
    disable_logging()
    match sys.argv[1:]:
        case ["record"]:
            with worker_pool() as workers:
                sys.stdout.write(recorded(workers))
        case [seed] if seed.isdecimal():
            sys.stdout.write(f"{report(int(seed))}\n")
        case [seed, bug] if seed.isdecimal() and bug in BUGS:
            sys.stdout.write(f"{report(int(seed), bug)}\n")
        case _:
            sys.stderr.write(f"usage: python -m tests.simulation record | SEED [{' | '.join(BUGS)}]\n")
            return 2
    return 0


def recorded(workers: Executor) -> str:
    """The lines of the table of seeds."""
    found = workers.map(partial(finding_seeds, count=RECORDED), BUGS)
    return "".join(f'    "{bug}": ({", ".join(map(str, seeds))}),\n' for bug, seeds in zip(BUGS, found, strict=True))


if __name__ == "__main__":
    if HASHES.items() <= os.environ.items():
        sys.exit(main())
    os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], os.environ | HASHES)  # noqa: S606 (itself again)
