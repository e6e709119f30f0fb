"""A month is closed: one statement for each council that is ready, however often, and whoever else closes it."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from signal import SIGKILL

import msgspec
import pytest
from typer.testing import CliRunner, Result

from billing.domain.sealed import statement_of
from billing.ports import StoredDocument
from billing.routes.closing import CloseReport
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Agreement, Council
from shared.contracts.statements import StatementEvent, StatementIssued, StepEvent
from shared.contracts.topics import STATEMENTS, USAGE
from shared.log.port import Message, Shard
from shared.scope import Scope
from shared.units import EpochMillis
from tallystick.authorisation import local_principal
from tallystick.commands.close_month import app
from tallystick.console import EXIT_BUSY
from tallystick.stack import open_stack
from tests.conftest import DatabaseOf
from tests.support.billing_feed import MAY, TARIFFS
from tests.support.closers import OUTPUT, billing_at, start_closing
from tests.support.figures import print_figure
from tests.support.recharges import ICT, PAYABLE, PAYROLL, PROVIDER, agreement, recorded

JUNE_9 = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
COUNCILS, MANY_COUNCILS = 3, 8
KILLS, PROCESSES = int(os.environ.get("CLOSING_KILLS", "6")), 4
MANY_KILLS, MANY_PROCESSES = 60, 8
# A fast machine issues so soon that a kill seldom comes between two statements: then a few more months are closed.
MOST_MONTHS = 60
MOST_CLOSES = 20  # for one kill, at the very worst
CLOSED_WITHIN_S = 120.0
LOOK_EVERY_S, SOON_S = 0.005, 0.1
MOST_MORE = 3  # statements that are issued between one kill and the next, or fewer
PAYABLE_PENCE = 4_420  # ten payslips at £4.42
Closing = tuple[ForkServerProcess, Event]


def agreed(council: Council) -> Agreement:
    return agreement(*(priced.id for priced in TARIFFS), council=council.id)


@dataclass(frozen=True)
class Office:
    """A folder with billing's database, in it or on a server, which hold May's usage; nothing is issued yet."""

    folder: Path
    url: str
    councils: Sequence[Council]

    @property
    def numbers(self) -> list[str]:
        """Of one statement for each council."""
        return [f"2026-27.{number:04}" for number in range(1, len(self.councils) + 1)]

    @property
    def output(self) -> str:
        """What the processes that close here have written to standard error."""
        return (self.folder / OUTPUT).read_text(encoding="utf-8")

    async def prepare(self) -> None:
        with billing_at(self.url):
            async with open_stack(self.folder, clock=FixedClock(JUNE_9)) as stack:
                await stack.record(
                    [PROVIDER, PAYABLE, ICT, PAYROLL, *self.councils, *TARIFFS, *map(agreed, self.councils)]
                )
                await stack.bus.publish(USAGE.name, [used(council) for council in self.councils])
                await stack.drain()

    def run(self, *arguments: str) -> Result:
        environment = {"TALLYSTICK_VAR": str(self.folder), "COLUMNS": "200"}
        with billing_at(self.url):
            return CliRunner(env=environment).invoke(app, [str(MAY), "--json", *arguments])

    def shown(self, *arguments: str) -> CloseReport:
        found = self.run(*arguments)
        assert found.exit_code == 0, found.output
        return msgspec.json.decode(found.stdout, type=CloseReport)

    def start(self) -> Closing:
        return start_closing(self.folder, self.url, MAY)

    def documents(self) -> list[StoredDocument]:
        """By number."""
        with closing(SqlStore.open(self.url)) as store, store.snapshot(Scope.all()) as snapshot:
            found = [each for council in self.councils for each in snapshot.steps.documents(council.id)]
            return sorted(found, key=lambda each: each.number)

    def steps(self) -> list[StepEvent]:
        with closing(SqlStore.open(self.url)) as store, store.snapshot(Scope.all()) as snapshot:
            return [step for council in self.councils for step in snapshot.steps.steps(council.id, MAY)]

    def ledger_sums(self) -> dict[str, int]:
        """What all that is booked comes to, and what councils owe by each document."""
        with closing(SqlStore.open(self.url)) as store, store.snapshot(Scope.all()) as snapshot:
            balances = {
                each.number: sum(
                    balance.amount_pence
                    for balance in snapshot.ledger.balances(each.council, each.number)
                    if balance.account == "receivable"
                )
                for council in self.councils
                for each in snapshot.steps.documents(council.id)
            }
            return balances | {"all": snapshot.ledger.ledger_sum()}

    async def published(self) -> list[StatementEvent]:
        """What the log holds of statements once all that is left to send has been sent."""
        with billing_at(self.url):
            async with open_stack(self.folder, clock=FixedClock(JUNE_9)) as stack:
                await stack.drain()
                records = await stack.bus.read(Shard(STATEMENTS.name, 0), 0, limit=10_000)
        events = [decode_event(each.value) for each in records if each.value is not None]
        return [each for each in events if isinstance(each, StatementEvent)]


NewOffice = Callable[[int], Office]


def used(council: Council) -> Message:
    event = recorded(f"r-{council.id}", "2026-05-12T12:00:00+00:00", "10", id=f"{council.id}-1")
    event = msgspec.structs.replace(event, council=council.id)
    return Message(event.key, msgspec.json.encode(event), timestamp_ms=EpochMillis(1_780_000_000_000))


@pytest.fixture
def new_office(dialect: str, database_of: DatabaseOf, tmp_path: Path) -> NewOffice:
    """Prepares an office of its own each time, for so many councils."""
    made_before = count()

    def made(councils: int) -> Office:
        folder = tmp_path / str(next(made_before))
        folder.mkdir()
        url = database_of("billing") if dialect == "postgresql" else f"sqlite:///{folder}/billing.db"
        office = Office(
            folder, url, [Council(id=f"council-{each}", name=f"Council {each}") for each in range(councils)]
        )
        asyncio.run(office.prepare())
        return office

    return made


@pytest.fixture
def office(new_office: NewOffice) -> Office:
    return new_office(COUNCILS)


def test_the_dry_run_changes_nothing_and_what_it_showed_is_issued_once_it_is_approved(office: Office) -> None:
    first = office.shown()
    assert [each.status for each in first.councils] == ["draft"] * COUNCILS
    assert first == office.shown()

    issued = office.shown("--approve", first.digest)

    assert [each.number for each in issued.councils] == office.numbers
    assert [each.number for each in office.shown("--issue").councils] == office.numbers


def test_another_digest_than_what_is_there_now_issues_nothing(office: Office) -> None:
    refused = office.run("--approve", "0" * 64)

    assert refused.exit_code == 3
    assert "not those that were looked at" in refused.stderr
    assert office.documents() == []


def test_a_council_that_cannot_be_issued_does_not_stop_the_others(office: Office) -> None:
    asyncio.run(approved_once(office))

    issued = office.run("--issue")

    assert issued.exit_code == 1
    found = msgspec.json.decode(issued.stdout, type=CloseReport)
    assert [each.status for each in found.councils] == ["issued", *["draft"] * (COUNCILS - 1)]
    assert all(each.why_not for each in found.councils[1:])


async def approved_once(office: Office) -> None:
    """The first council's draft is approved, and no other."""
    with billing_at(office.url):
        async with open_stack(office.folder, clock=FixedClock(JUNE_9)) as stack:
            caller, steps = local_principal(), stack.billing.steps
            seen = steps.draft(office.councils[0].id, MAY, scope=Scope.all()).sha256
            steps.check(caller, office.councils[0].id, MAY, sha256=seen)
            steps.approve(caller, office.councils[0].id, MAY, sha256=seen)
            await stack.drain()


def test_processes_that_close_at_once_issue_one_statement_for_each_council(office: Office) -> None:
    running = [office.start() for _ in range(PROCESSES)]
    for process, _ in running:
        process.join(CLOSED_WITHIN_S)

    assert [process.exitcode for process, _ in running] == [0] * PROCESSES
    require_one_each(office)


def test_a_close_that_is_killed_at_any_moment_ends_as_one_that_was_not(new_office: NewOffice) -> None:
    require_whole_after(new_office, councils=COUNCILS, kills=KILLS, processes=PROCESSES)


@pytest.mark.long
def test_many_closes_at_once_that_are_killed_end_as_one_that_was_not(new_office: NewOffice) -> None:
    require_whole_after(new_office, councils=MANY_COUNCILS, kills=MANY_KILLS, processes=MANY_PROCESSES)


def require_whole_after(new_office: NewOffice, *, councils: int, kills: int, processes: int) -> None:
    chance, killed, months, started = Random(1), Counter[int](), 0, time.monotonic()  # noqa: S311 (repeatable)
    while months < MOST_MONTHS and (killed.total() < kills or not between_statements(killed, councils)):
        office, months = new_office(councils), months + 1
        killed += Killer(office, chance).close(kills=max(1, kills - killed.total()), processes=processes)
        require_one_each(office)

    spent_s = time.monotonic() - started
    print_figure(f"{killed.total()} kills of {processes} closes at once, {months} months: {spent_s:.0f} s")
    print_figure(f"kills by the number of statements that were issued: {sorted(killed.items())}")
    assert killed.total() >= kills
    assert between_statements(killed, councils), "vacuous: no kill came between two statements"


def between_statements(killed: Mapping[int, int], councils: int) -> bool:
    """Whether any kill came when some councils had their statement and others had not."""
    return bool(set(killed) & set(range(1, councils)))


class Killer:
    """Closes a month by processes of which it kills one after the other, each once so many statements are issued."""

    def __init__(self, office: Office, chance: Random) -> None:
        self._office, self._chance = office, chance
        self._running: list[Closing] = []

    def close(self, *, kills: int, processes: int) -> Counter[int]:
        """The month is closed; returns how often a process was killed, by how many statements there were then."""
        killed: Counter[int] = Counter()
        self._running = [self._office.start() for _ in range(processes)]
        with closing(SqlStore.open(self._office.url)) as store:
            for _ in range(MOST_CLOSES * kills):
                if killed.total() == kills or issued_in(store) == len(self._office.councils):
                    break
                killed.update(self._kill_one(store))
                self._running.append(self._office.start())
        # Whoever started them does it once more, as the command says, and nobody kills that.
        assert {ended(each) for each in self._running} <= {0, EXIT_BUSY}, self._office.output
        assert ended(self._office.start()) == 0, self._office.output
        return killed

    def _kill_one(self, store: SqlStore) -> list[int]:
        """One that is closing is killed: how many statements there were; empty where it had ended by itself."""
        process, begun = self._running.pop(self._chance.randrange(len(self._running)))
        wanted = min(issued_in(store) + self._chance.randrange(MOST_MORE), len(self._office.councils) - 1)
        while process.is_alive() and not (begun.is_set() and issued_in(store) >= wanted):
            time.sleep(LOOK_EVERY_S)
        time.sleep(self._chance.uniform(0, SOON_S))
        issued = issued_in(store)
        process.kill()
        code = ended((process, begun))
        assert code in {0, EXIT_BUSY, -SIGKILL}, self._office.output
        return [issued] if code == -SIGKILL else []


def issued_in(store: SqlStore) -> int:
    with store.snapshot(Scope.all()) as snapshot:
        return len(snapshot.steps.of_types([StatementIssued]))


def ended(close: Closing) -> int | None:
    """Its exit code; None where it has not ended by itself in time."""
    close[0].join(CLOSED_WITHIN_S)
    return close[0].exitcode


def require_one_each(office: Office) -> None:
    """One statement for each council, numbered without a gap, booked, and in the log as it is in the database."""
    documents, ledger = office.documents(), office.ledger_sums()
    published = {each.key: each for each in asyncio.run(office.published())}

    assert sorted(each.council for each in documents) == [each.id for each in office.councils]
    assert [each.number for each in documents] == office.numbers
    assert {each.number: each.total_pence for each in documents} | {"all": 0} == ledger
    assert {each.council: statement_of(each.content).payable_pence for each in documents} == dict.fromkeys(
        (each.id for each in office.councils), PAYABLE_PENCE
    )
    assert {each.key: each for each in office.steps()} == published
