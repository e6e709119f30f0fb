"""The audit log of one service: committed before what it tells of is answered, published, and read back after a loss.

Many requests share a commit: whoever comes while one is under way is in the next. Entries have numbers in the order of
their commits, so publishing goes on from the last one that was published. A database that was restored from a copy has
lost entries that the log of all services still holds: they are read back before anything is added to it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import structlog
from msgspec import Struct
from sqlalchemy import Connection

from shared.audit import AuditEntry, AuditRecord, BrokenEntry, first_broken
from shared.auditing.published import message, published_entries
from shared.clock import Clock
from shared.heartbeat import Heartbeat
from shared.instants import epoch_us
from shared.log.port import Bus, BusUnavailable, publish_outgoing
from shared.log.processor import Busy
from shared.scope import Scope
from shared.sql.audit import AuditLogDiffers, AuditTables
from shared.sql.engine import busy_during_outages, read_transaction
from shared.sql.isolation import Database, scoped_read

PUBLISHED_AT_ONCE = 500
COMMITTED_AT_ONCE = 500
_PAUSE_S = 0.2
log = structlog.get_logger()


class AuditVerification(Struct, frozen=True):
    """What was found: how many entries are stored and published, and the first that is not as it was written."""

    entries: int
    published: int
    broken: int | None = None
    fault: str = ""


class AuditLog:
    """Calls of its coroutines belong to one event loop; `add` blocks, and is any thread's."""

    def __init__(self, service: str, tables: AuditTables, database: Database, *, bus: Bus, clock: Clock) -> None:
        self.service, self._tables, self._database = service, tables, database
        self._bus, self._clock = bus, clock
        self.heartbeat = Heartbeat("audit log")
        self._is_complete = False
        self._difference: AuditLogDiffers | None = None
        self._completing = asyncio.Lock()
        self._waiting: list[tuple[AuditRecord, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    @property
    def now_us(self) -> int:
        """The present instant, as records have it."""
        return epoch_us(self._clock.now())

    async def require_complete(self) -> None:
        """What was published is stored, so that a new entry follows the newest one.

        Raises `Busy` while the log or the database is away, `AuditLogDiffers` where the two do not agree.
        """
        async with self._completing:
            if self._is_complete:
                return
            if self._difference is not None:
                raise self._difference
            try:
                restored = await self._read_back()
            except BusUnavailable as away:
                raise Busy("the log does not answer, and the audit log cannot be compared with it") from away
            except AuditLogDiffers as difference:
                log.error("audit.differs", reason=str(difference))  # noqa: TRY400 (no bug: no traceback is needed)
                self._difference = difference
                raise
            if restored:
                log.warning("audit.restored", entries=restored)
            self._is_complete = True

    async def record(self, record: AuditRecord) -> None:
        """The record is an entry, committed; raises as `require_complete`."""
        await self.require_complete()
        committed = asyncio.get_running_loop().create_future()
        self._waiting.append((record, committed))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit_waiting())
        await committed

    def add(self, connection: Connection, *records: AuditRecord) -> None:
        """The records are entries if the caller's transaction, of a worker, commits."""
        self._tables.add(connection, *records)

    def read(self, scope: Scope, *, after: int, limit: int) -> list[AuditEntry]:
        """At most `limit` entries in scope after number `after`, ascending. Blocks."""
        with scoped_read(self._database.requests, scope) as connection:
            return self._tables.page(connection, scope, after=after, limit=limit)

    async def run(self, stop: asyncio.Event) -> None:
        """Entries are published soon after they were committed, until `stop` is set."""
        while not stop.is_set():
            self.heartbeat.beat()
            published = 0
            with suppress(Busy, BusUnavailable, AuditLogDiffers):
                await self.require_complete()
                published = await self.publish()
            if not published:
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _PAUSE_S)

    async def check(self) -> str:
        """How many entries wait to be published; raises as `require_complete`."""
        await self.require_complete()
        return "agrees with what was published"

    async def publish(self) -> int:
        """The next entries are published; how many those were."""
        with busy_during_outages():
            entries = await asyncio.to_thread(self._unpublished)
        if entries:
            await publish_outgoing(self._bus, [message(self.service, entry) for entry in entries])
            with busy_during_outages():
                await asyncio.to_thread(self._mark_published, entries[-1].number)
        return len(entries)

    async def verify(self) -> AuditVerification:
        """Every entry is compared with the one before it, and with what was published. Raises `BusUnavailable`."""
        broken, entries = await asyncio.to_thread(self._first_broken)
        different, published = await self._first_difference()
        faults = [each for each in (broken, different) if each is not None]
        first = min(faults, key=lambda each: each.number, default=None)
        return AuditVerification(entries, published, *(first or ()))

    async def _read_back(self) -> int:
        """Of what was published everything that is not stored is, now."""
        with busy_during_outages():
            newest = await asyncio.to_thread(self._newest)
        lost: dict[int, AuditEntry] = {}
        async for page in published_entries(self._bus, self.service):
            lost |= {entry.number: entry for entry in page if entry.number > newest}
        if not lost:
            return 0
        with busy_during_outages():
            return await asyncio.to_thread(self._restore, [lost[number] for number in sorted(lost)])

    async def _commit_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:COMMITTED_AT_ONCE], self._waiting[COMMITTED_AT_ONCE:]
            fault: Exception | None = None
            try:
                with busy_during_outages():
                    await asyncio.to_thread(self._commit, [record for record, _ in batch])
            except Exception as failure:  # noqa: BLE001 (each of those who wait is given it)
                fault = failure
            for _, committed in batch:
                if not committed.done():
                    committed.set_result(None) if fault is None else committed.set_exception(fault)

    async def _first_difference(self) -> tuple[BrokenEntry | None, int]:
        first, numbers = None, 0
        async for page in published_entries(self._bus, self.service):
            stored = await asyncio.to_thread(self._stored, [entry.number for entry in page])
            for entry in page:
                numbers = max(numbers, entry.number)
                held = stored.get(entry.number)
                if held != entry and (first is None or entry.number < first.number):
                    what = "it was published and is no longer stored" if held is None else _OTHER_CONTENT
                    first = BrokenEntry(entry.number, what)
        return first, numbers

    def _first_broken(self) -> tuple[BrokenEntry | None, int]:
        with read_transaction(self._database.workers) as connection:
            found = first_broken(self._tables.read(connection, Scope.all()))
            return found, self._tables.count(connection)

    def _newest(self) -> int:
        with read_transaction(self._database.workers) as connection:
            return self._tables.newest_number(connection)

    def _stored(self, numbers: Sequence[int]) -> dict[int, AuditEntry]:
        with read_transaction(self._database.workers) as connection:
            return self._tables.numbered(connection, numbers)

    def _unpublished(self) -> Sequence[AuditEntry]:
        with read_transaction(self._database.workers) as connection:
            return self._tables.unpublished(connection, limit=PUBLISHED_AT_ONCE)

    def _mark_published(self, through: int) -> None:
        with self._database.workers.begin() as connection:
            self._tables.mark_published(connection, through)

    def _restore(self, lost: Sequence[AuditEntry]) -> int:
        with self._database.workers.begin() as connection:
            return self._tables.restore(connection, lost)

    def _commit(self, records: Sequence[AuditRecord]) -> None:
        with self._database.workers.begin() as connection:
            self._tables.add(connection, *records)


_OTHER_CONTENT = "it was published with another content"
__all__ = ["AuditLog", "AuditLogDiffers", "AuditVerification"]
