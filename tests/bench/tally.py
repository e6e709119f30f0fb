"""A tally of a million usage events, written and verified, each in a process of its own: seconds, and memory at most.

What must hold is under 60 seconds and 300 MB for the check. Half of the events are of work, half are readings.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from billing.domain.canonical import canonical_json
from billing.domain.metering import EventReceived, EventStream, Origin, london_day
from billing.domain.statement import build_statement
from billing.tally.checking import verify
from billing.tally.recount import Recount
from billing.tally.terms import definition_records
from billing.tally.writing import TallyContents, compressed, tally_lines
from shared.period import Month
from tests.bench._spent import Spent
from tests.support.recharges import ASHBY, SOURCE
from tests.support.tallies import ISSUED, PROVIDERS, known_terms, signer

EVENTS = int(os.environ.get("TALLY_EVENTS", "1000000"))
MAY = Month(2026, 5)
_FIRST_US = 1_777_600_000_000_000  # in the morning of 1 May 2026
_SECOND_US = 1_000_000


def run() -> None:
    """Both are run; raises where the check finds a difference."""
    sys.stdout.write(f"a tally of {EVENTS:,} events\n")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tally.jsonl.gz"
        for what in ("write", "verify"):
            sys.stdout.write(subprocess.run(_command(what, path), check=True, capture_output=True, text=True).stdout)
        sys.stdout.write(f"{'the file':<50} {path.stat().st_size / 1e6:>12,.1f} MB\n\n")


def work(what: str, path: Path) -> None:
    """One part in this process, and what it took."""
    began = Spent.now()
    if what == "write":
        write(path)
    else:
        faults = verify(path).faults
        if faults:
            raise SystemExit(faults[0])
    spent = Spent.now().since(began)
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{spent.line(what, EVENTS)}, {spent.elapsed_s:,.1f} s, at most {most_mb:,.0f} MB\n")


def write(path: Path) -> None:
    """An issued statement and all that it follows from, at `path`."""
    recount = Recount(MAY)
    for number in range(EVENTS // 4):
        recount.add_item([_received(number), _completed(number)])
    for number in range(EVENTS // 2):
        recount.add_reading([_reading(number)])
    made = build_statement(known_terms(), ASHBY.id, MAY, recount.usage())
    statement = replace(made, status="issued", issued=replace(ISSUED, read_through=()))
    contents = TallyContents(
        council=ASHBY.id,
        month=MAY,
        status="issued",
        rules_version=statement.rules_version,
        statement=canonical_json(statement),
        basis=definition_records(known_terms(), ASHBY.id),
        events=events(EVENTS),
        number=ISSUED.number,
        previous_sha256=None if ISSUED.previous is None else ISSUED.previous.sha256,
    )
    with path.open("wb") as file:
        for chunk in compressed(tally_lines(contents, signer(PROVIDERS))):
            file.write(chunk)


def events(count: int) -> Iterator[EventReceived]:
    """So many events of May, in the order of a tally: half of them of work items, half readings."""
    for number in range(count // 4):
        yield _received(number)
        yield _completed(number)
    for number in range(count // 2):
        yield _reading(number)


def _at_us(number: int) -> int:
    """Some time in May, as late as 26 days after its first morning."""
    return _FIRST_US + number % 2_246_400 * _SECOND_US


def _received(number: int) -> EventReceived:
    origin = Origin(SOURCE, f"received-{number:09}", _at_us(number))
    return _event(origin, number, "work.received.v1", "work", f"w-{number:09}", service="accounts-payable")


def _completed(number: int) -> EventReceived:
    origin = Origin(SOURCE, f"completed-{number:09}", _at_us(number) + 3600 * _SECOND_US)
    return _event(origin, number, "work.completed.v1", "work", f"w-{number:09}", micro=1_000_000)


def _reading(number: int) -> EventReceived:
    origin = Origin(SOURCE, f"reading-{number:09}", _at_us(number))
    return _event(origin, number, "usage.recorded.v1", "usage", f"r-{number:09}", service="payroll", micro=2_500_000)


def _event(
    origin: Origin,
    number: int,
    type_: str,
    stream: EventStream,
    item: str,
    *,
    service: str | None = None,
    micro: int | None = None,
) -> EventReceived:
    day = london_day(origin.at_us)
    return EventReceived(origin, number % 12, number, type_, stream, ASHBY.id, item, day, service, micro)


def _command(what: str, path: Path) -> list[str]:
    return [sys.executable, "-m", "tests.bench.tally", what, str(path)]


if __name__ == "__main__":
    work(sys.argv[1], Path(sys.argv[2]))
