"""A month is closed: one statement for each council that is ready, however often, and whoever else closes it."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from signal import SIGKILL

import msgspec
from sqlalchemy import select

from billing.domain.sealed import statement_of
from billing.routes.closing import CloseReport
from billing.store import tables
from billing.store.sql import SqlStore
from shared.clock import FixedClock
from shared.contracts.definitions import Agreement, Council
from shared.contracts.topics import STATEMENTS, USAGE
from shared.log.port import Message, Shard
from shared.scope import Scope
from shared.units import EpochMillis
from tallystick.authorisation import local_principal
from tallystick.stack import open_stack
from tests.support.billing_feed import MAY, TARIFFS
from tests.support.figures import print_figure
from tests.support.recharges import ICT, PAYABLE, PAYROLL, PROVIDER, agreement, recorded

JUNE_9 = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
COUNCILS = [Council(id=f"council-{number}", name=f"Council {number}") for number in range(6)]
KILLS = int(os.environ.get("CLOSING_KILLS", "6"))
PROCESSES = 4
ATTEMPTS = 4 * KILLS


def agreed(council: Council) -> Agreement:
    return agreement(*(priced.id for priced in TARIFFS), council=council.id)


async def prepared(folder: Path, *, used: Sequence[Council] = COUNCILS) -> None:
    """The folder holds May's usage of the councils, read by all services."""
    async with open_stack(folder, clock=FixedClock(JUNE_9)) as stack:
        await stack.record([PROVIDER, PAYABLE, ICT, PAYROLL, *COUNCILS, *TARIFFS, *map(agreed, COUNCILS)])
        events = [
            msgspec.structs.replace(
                recorded(f"r-{place}", "2026-05-12T12:00:00+00:00", "10", id=f"{council.id}-{place}"),
                council=council.id,
            )
            for council in used
            for place in range(3)
        ]
        sent = [
            Message(event.key, msgspec.json.encode(event), timestamp_ms=EpochMillis(1_780_000_000_000))
            for event in events
        ]
        await stack.bus.publish(USAGE.name, sent)
        await stack.drain()


def close(folder: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tallystick", "close-month", str(MAY), "--json", *arguments]
    return subprocess.Popen(
        command, env=os.environ | {"TALLYSTICK_VAR": str(folder)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def shown(folder: Path) -> CloseReport:
    """What the dry run shows."""
    process = close(folder)
    output, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return msgspec.json.decode(output, type=CloseReport)


def documents(folder: Path) -> list[tuple[str, str, str | None, str]]:
    """Council, number, the hash of the document before and its own hash, by number."""
    with closing(SqlStore.open(f"sqlite:///{folder}/billing.db")) as store, store.snapshot(Scope.all()) as snapshot:
        found = [each for council in COUNCILS for each in snapshot.steps.documents(council.id)]
        for each in found:
            statement_of(each.content)
        return sorted((each.council, each.number, each.previous, each.sha256) for each in found)


async def published(folder: Path) -> list[bytes]:
    """The keys of the records on the topic of statements."""
    async with open_stack(folder, clock=FixedClock(JUNE_9)) as stack:
        await stack.drain()
        records = await stack.bus.read(Shard(STATEMENTS.name, 0), 0, limit=10_000)
        return [each.key or b"" for each in records]


def ledger_sum(folder: Path) -> int:
    with closing(SqlStore.open(f"sqlite:///{folder}/billing.db")) as store, store._engine.connect() as connection:
        return sum(connection.scalars(select(tables.ledger_entry.c.amount_pence)))


def test_the_dry_run_changes_nothing_and_what_it_showed_is_issued_once_it_is_approved(tmp_path: Path) -> None:
    asyncio.run(prepared(tmp_path))
    first = shown(tmp_path)
    assert [each.status for each in first.councils] == ["draft"] * len(COUNCILS)
    assert first == shown(tmp_path)

    process = close(tmp_path, "--approve", first.digest)
    output, errors = process.communicate()

    assert process.returncode == 0, errors.decode()
    issued = msgspec.json.decode(output, type=CloseReport)
    assert [each.number for each in issued.councils] == [f"2026-27.{number:04}" for number in range(1, 7)]
    again = close(tmp_path, "--issue")
    assert [each.number for each in msgspec.json.decode(again.communicate()[0], type=CloseReport).councils] == [
        each.number for each in issued.councils
    ]


def test_another_digest_than_what_is_there_now_issues_nothing(tmp_path: Path) -> None:
    asyncio.run(prepared(tmp_path))

    process = close(tmp_path, "--approve", "0" * 64)
    _, errors = process.communicate()

    assert process.returncode == 3
    assert b"not those that were looked at" in errors
    assert documents(tmp_path) == []


def test_a_council_that_cannot_be_issued_does_not_stop_the_others(tmp_path: Path) -> None:
    asyncio.run(prepared(tmp_path))
    asyncio.run(returned_once(tmp_path))
    digest = shown(tmp_path).digest

    issued = close(tmp_path, "--issue")
    output, _ = issued.communicate()

    found = msgspec.json.decode(output, type=CloseReport)
    assert issued.returncode == 1
    assert [each.status for each in found.councils] == ["issued", *["draft"] * 5]
    assert all(each.why_not for each in found.councils[1:])
    assert close(tmp_path, "--approve", digest).communicate()[1]


async def returned_once(folder: Path) -> None:
    """The first council's draft is approved, and no other."""
    async with open_stack(folder, clock=FixedClock(JUNE_9)) as stack:
        caller, steps = local_principal(), stack.billing.steps
        seen = steps.draft(COUNCILS[0].id, MAY, scope=Scope.all()).sha256
        steps.check(caller, COUNCILS[0].id, MAY, sha256=seen)
        steps.approve(caller, COUNCILS[0].id, MAY, sha256=seen)
        await stack.drain()


def test_processes_that_close_at_once_issue_one_statement_for_each_council(tmp_path: Path) -> None:
    asyncio.run(prepared(tmp_path))
    digest = shown(tmp_path).digest

    running = [close(tmp_path, "--approve", digest) for _ in range(PROCESSES)]
    for process in running:
        process.communicate()
    close(tmp_path, "--issue").communicate()

    require_one_each(tmp_path)


def test_a_close_that_is_killed_at_any_moment_ends_as_one_that_was_not(tmp_path: Path) -> None:
    chance, killed = Random(1), 0  # noqa: S311 (nothing secret: the delays can be had again)
    folder = tmp_path / "0"
    asyncio.run(prepared(folder))
    for attempt in range(1, ATTEMPTS + 1):
        if killed >= KILLS:
            break
        killed += killed_once(folder, chance)
        if all(each.status == "issued" for each in shown(folder).councils):
            require_one_each(folder)
            folder = tmp_path / str(attempt)
            asyncio.run(prepared(folder))
    while any(each.status != "issued" for each in shown(folder).councils):
        close(folder, "--approve", shown(folder).digest).communicate()
        close(folder, "--issue").communicate()

    require_one_each(folder)
    print_figure(f"{killed} kills of a close")
    assert killed >= KILLS, f"vacuous: only {killed} kills found the close alive"


def killed_once(folder: Path, chance: Random) -> bool:
    """A close was killed after it had begun to issue, or soon before; False where it had ended."""
    before = len(documents(folder))
    process = close(folder, "--approve", shown(folder).digest)
    wanted = before + chance.randrange(len(COUNCILS))
    while process.poll() is None and len(documents(folder)) < wanted:
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.05))
    process.send_signal(SIGKILL)
    process.communicate()
    return process.returncode == -SIGKILL


def require_one_each(folder: Path) -> None:
    keys = asyncio.run(published(folder))
    found = documents(folder)
    assert [council for council, *_ in found] == [each.id for each in COUNCILS]
    assert sorted(number for _, number, *_ in found) == [f"2026-27.{each:04}" for each in range(1, 7)]
    assert ledger_sum(folder) == 0
    assert len({key for key in keys if key.endswith(b":issued")}) == len(COUNCILS)
