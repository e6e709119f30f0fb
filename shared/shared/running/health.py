"""Whether a service is alive, and whether it can do its work: each part asked, none trusted.

Alive: the event loop answers and no loop of the service is stuck. Ready: database, state, log and schema answer within
`CHECK_S`, and every group that it reads in has shards, none paused or halted, and is nearly caught up. Ready for
requests: it was wholly ready once, and what answers need is there; while the log is away it answers from its database.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic

from msgspec import Struct
from sqlalchemy import Engine, text

from shared.bus.consumer import ConsumerStatus
from shared.contracts.topics import CATALOGUE
from shared.log.port import Bus, BusError, BusUnavailable, Shard
from shared.running.watchdog import Watched
from shared.sql.engine import read_transaction
from shared.sql.migrate import SchemaOutdated, UnknownRevision, check

CHECK_S = 5.0
# What is asked on the way to an answer must be over before that is given up.
_LAG_S = 4.0
# Brokers answer whoever waits for records within half a second, if only that there are none.
_SILENT_S = 30.0
_LOOK_EVERY_S = 5.0
# The parts that no answer can be given without.
_FOR_REQUESTS = ("process", "database", "schema")
# Says what it found, or raises what is wrong.
Check = Callable[[], Awaitable[str]]


class NotReady(Exception):
    """The part answers that it cannot do its work now."""


class ConsumerStalled(Exception):
    """The log answers, and has not answered this process' readers for too long: only a new process helps."""


class HealthPart(Struct, frozen=True):
    """What one part answered."""

    ok: bool
    detail: str


class Health(Struct, frozen=True):
    """All parts, by name; `ok` when every one of them is."""

    ok: bool
    parts: Mapping[str, HealthPart]


def liveness(watched: Sequence[Watched]) -> Health:
    """Whether each loop has come round lately."""
    return _health(
        {
            each.heartbeat.name: HealthPart(not each.is_stuck, f"came round {each.heartbeat.silent_s():.1f} s ago")
            for each in watched
        }
    )


class Readiness:
    """All checks, asked at the same time. One that has not answered is not asked again until it has.

    So a store that answers nobody holds up one thread of this process for each question, however often it is asked.
    """

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._asked: dict[str, asyncio.Task[HealthPart]] = {}
        self._was_ready = False

    async def ask(self) -> Health:
        """What each part answers now; one that takes longer than `CHECK_S` has failed."""
        found = await self._ask(list(self._checks))
        self._was_ready = self._was_ready or found.ok
        return found

    async def ask_for_requests(self) -> Health:
        """As `ask` until all of it was ready once; from then on only the parts that answers need."""
        if not self._was_ready:
            return await self.ask()
        return await self._ask([name for name in _FOR_REQUESTS if name in self._checks])

    async def _ask(self, names: Sequence[str]) -> Health:
        parts = await asyncio.gather(*(self._part(name) for name in names))
        return _health(dict(zip(names, parts, strict=True)))

    async def _part(self, name: str) -> HealthPart:
        asked = self._asked.get(name)
        if asked is None or asked.done():
            asked = self._asked[name] = asyncio.ensure_future(_answer(self._checks[name]))
        try:
            return await asyncio.wait_for(asyncio.shield(asked), CHECK_S)
        except TimeoutError:
            return HealthPart(ok=False, detail=f"no answer within {CHECK_S:g} s")


def consumer_check(bus: Bus, status: ConsumerStatus, *, lag_records: int) -> Check:
    """A check that the member has shards, none paused or halted, and is at most `lag_records` behind in them all.

    While the log is away that is its reason, whatever the shards are: without it none can be said to be behind.
    """

    async def check_consumer() -> str:
        lag = await _lag(bus, positions := dict(status.positions))
        if not positions:
            raise NotReady("no shard is assigned")
        if status.halted:
            raise NotReady("; ".join(status.halted.values()))
        if status.paused:
            raise NotReady(f"{len(status.paused)} of {len(positions)} shards are paused")
        if lag > lag_records:
            raise NotReady(f"{lag} records behind in {len(positions)} shards, at most {lag_records} may be")
        return f"{lag} records behind in {len(positions)} shards"

    return check_consumer


def database_checks(engine: Engine, package: str) -> dict[str, Check]:
    """Whether the database answers, and whether its schema is the one that `package` was written for."""

    async def database() -> str:
        await asyncio.to_thread(_ask, engine)
        return "answers"

    async def schema() -> str:
        try:
            await asyncio.to_thread(check, engine, package)
        except (SchemaOutdated, UnknownRevision) as other:
            raise NotReady(str(other)) from other
        return "current"

    return {"database": database, "schema": schema}


def catalogue_check(versions: Callable[[], Awaitable[Mapping[str, int]]]) -> Check:
    """A check that any agreement is known from the catalogue's log. `versions` counts those known, by kind."""

    async def check_catalogue() -> str:
        known = await versions()
        if not known.get("agreement"):
            raise NotReady(
                "no agreement is known, so that every event waits: load a partnership, or if the log has lost it run "
                "`python -m catalogue announce`"
            )
        return f"{sum(known.values())} versions known"

    return check_catalogue


def bus_check(bus: Bus) -> Check:
    """Whether the log answers, and has lately answered those who read it here."""

    async def check_bus() -> str:
        await _ask_log(bus)
        if bus.silent_s() > _SILENT_S:
            raise NotReady(f"readers have had no answer for {bus.silent_s():.0f} s")
        return "answers"

    return check_bus


async def watch_consumers(bus: Bus, stop: asyncio.Event, *, limit_s: float) -> None:
    """Returns when `stop` is set; raises `ConsumerStalled` when readers get no answer though the log gives others one.

    A client in that state stays in it. A log that answers nobody is waited for, however long; `limit_s` counts from
    when it answers again.
    """
    answers_since = None
    while not stop.is_set():
        silent_s = bus.silent_s()
        answer_due = silent_s > _SILENT_S and await _answers(bus)
        answers_since = (answers_since or monotonic()) if answer_due else None
        if answers_since is not None and min(silent_s, monotonic() - answers_since) > limit_s:
            raise ConsumerStalled(f"readers have had no answer for {silent_s:.0f} s from a log that answers others")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY_S)


async def _answers(bus: Bus) -> bool:
    try:
        async with asyncio.timeout(CHECK_S):
            await _ask_log(bus)
    except (TimeoutError, BusError):
        return False
    return True


async def _lag(bus: Bus, positions: Mapping[Shard, int]) -> int:
    """Records behind in all shards; raises `NotReady` while the log does not say how many it holds."""
    try:
        async with asyncio.timeout(_LAG_S):
            await _ask_log(bus)
            return sum([(await bus.bounds(shard)).end - position for shard, position in positions.items()])
    except (TimeoutError, BusUnavailable) as away:
        raise NotReady("the log does not answer") from away


async def _ask_log(bus: Bus) -> None:
    await bus.bounds(Shard(CATALOGUE.name, 0))


def _ask(engine: Engine) -> None:
    with read_transaction(engine) as connection:
        connection.execute(text("SELECT 1"))


async def _answer(check: Check) -> HealthPart:
    try:
        return HealthPart(ok=True, detail=await check())
    except NotReady as reason:
        return HealthPart(ok=False, detail=str(reason))
    except BusUnavailable:
        return HealthPart(ok=False, detail="the log does not answer")
    except Exception as fault:  # noqa: BLE001 (whatever a part raises is its state; its text may hold an address)
        return HealthPart(ok=False, detail=type(fault).__name__)


def _health(parts: Mapping[str, HealthPart]) -> Health:
    return Health(ok=all(part.ok for part in parts.values()), parts=parts)
