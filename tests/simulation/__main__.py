"""One seed run again: `python -m tests.simulation SEED [BUG]` tells what went wrong, in as few steps as it takes."""

import os
import sys

from tests.simulation.bugs import BUGS
from tests.simulation.fleet import HASHES, report, silence


def main() -> int:
    """The report is printed; 2 for a command that cannot be read."""
    silence()
    match sys.argv[1:]:
        case [seed] if seed.isdecimal():
            print(report(int(seed)))  # noqa: T201 (this is what the command is for)
        case [seed, bug] if seed.isdecimal() and bug in BUGS:
            print(report(int(seed), bug))  # noqa: T201 (as above)
        case _:
            print(f"usage: python -m tests.simulation SEED [{' | '.join(BUGS)}]", file=sys.stderr)  # noqa: T201 (as above)
            return 2
    return 0


if __name__ == "__main__":
    if HASHES.items() <= os.environ.items():
        sys.exit(main())
    os.execve(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], os.environ | HASHES)  # noqa: S606 (itself again)
