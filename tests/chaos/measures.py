"""`python -m tests.chaos.measures [NAME …] [--small]`: single outages measured; ends with 1 when a limit is passed."""

import argparse
import logging
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from math import inf
from pathlib import Path

from tests.chaos import deadlines, frozen_database, steady_memory, stopped_monitor
from tests.chaos.servers import Servers, own_servers

SEED = 20261123
Measured = tuple[dict[str, float], list[str]]
Measure = Callable[[Servers, Path], Measured]

FULL: dict[str, Measure] = {
    "stopped-monitor": partial(stopped_monitor.run, calls=stopped_monitor.CALLS, seed=SEED),
    "frozen-database": partial(
        frozen_database.run, size=frozen_database.SIZE, frozen_s=frozen_database.FROZEN_S, seed=SEED
    ),
    "steady-memory": partial(steady_memory.run, size=steady_memory.SIZE, seed=SEED),
    "deadlines": partial(
        deadlines.run,
        calls=deadlines.OPEN,
        over_s=deadlines.OVER_S,
        lead_s=deadlines.LEAD_S,
        most_late_s=deadlines.MOST_LATE_S,
    ),
}
SMALL: dict[str, Measure] = {
    "stopped-monitor": partial(stopped_monitor.run, calls=stopped_monitor.SMALL, seed=SEED),
    "frozen-database": partial(
        frozen_database.run, size=frozen_database.SMALL_SIZE, frozen_s=frozen_database.SMALL_FROZEN_S, seed=SEED
    ),
    "steady-memory": partial(steady_memory.run, size=steady_memory.SMALL_SIZE, seed=SEED),
    "deadlines": partial(
        deadlines.run,
        calls=deadlines.SMALL_OPEN,
        over_s=deadlines.SMALL_OVER_S,
        lead_s=deadlines.SMALL_LEAD_S,
        most_late_s=inf,  # a machine of CI may be slow; early or missing is wrong on any
    ),
}


def measured(measure: Measure, folder: Path) -> Measured:
    """The figures and the faults of one measure on servers of its own."""
    with own_servers() as servers:
        servers.prepare(folder)
        return measure(servers, folder)


def main() -> int:
    """0 when every limit is kept."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.measures", description=__doc__)
    # argparse holds the default of no names against the choices, too.
    parser.add_argument("names", nargs="*", choices=[[], *FULL], help="all by default")
    parser.add_argument("--small", action="store_true", help="as in CI")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # clients complain of every outage
    measures, failed = SMALL if given.small else FULL, False
    for name in given.names or measures:
        figures, faults = measured(measures[name], Path(tempfile.mkdtemp(prefix=f"{name}-")))
        listed = ", ".join(f"{figure} {value:,.2f}" for figure, value in figures.items())
        sys.stdout.write(f"{name}: {listed}\n" + "".join(f"FAULT {fault}\n" for fault in faults))
        failed = failed or bool(faults)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
