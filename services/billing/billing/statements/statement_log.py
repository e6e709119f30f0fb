"""A document is in the log before it is in the database: what nobody else could read back counts as issued nowhere.

Whoever issues holds the lock of steps meanwhile, so that documents follow each other in the log as their numbers do.
A process that was taken for dead may append one all the same: of two that exclude each other the first in the log is
the document, in every database that reads it.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec

from billing.domain.lifecycle import StepRefused
from billing.ports import StepWriter
from shared.contracts.codec import decode_event
from shared.contracts.statements import CreditNoteIssued, StatementIssued
from shared.contracts.topics import STATEMENTS
from shared.log.port import AppendUncertain, Bus, Outgoing, Record, Shard, publish_outgoing
from shared.period import Month
from shared.units import Offset

SHARD = Shard(STATEMENTS.name, 0)
Document = StatementIssued | CreditNoteIssued
T = TypeVar("T")
# Others wait for the lock meanwhile, and servers end a transaction that does nothing for ten seconds.
_WAITS_S = 8.0
_PAGE, _PAGES = 200, 20


class LogIsAhead(StepRefused):
    """The log holds documents that this database does not have: which number is the next is not known."""


class StatementLog(Protocol):
    """The log of statements. Calls block, for some seconds at most; all raise `BusUnavailable`."""

    def documents(self, start: Offset) -> Sequence[Document]:
        """The documents that the log holds from there on. Raises `LogIsAhead` where it is much more than a tail."""
        ...

    def append(self, messages: Sequence[Outgoing]) -> None:
        """The log holds the messages durably, in their order. Raises `AppendUncertain` where it may not."""
        ...


def append_first(log: StatementLog, writer: StepWriter, event: StatementIssued) -> None:
    """The statement that `writer` has stored is in the log too, after the steps that led to it.

    No document that the log holds is unknown to `writer`.

    Raises `LogIsAhead`, and what the log raises: then the transaction is to be undone. Where the statement is in the
    log all the same it is read back from there, as after the loss of a database.
    """
    _require_known(writer, log.documents(writer.read_through))
    log.append(writer.unsent(event.council, Month.parse(event.data.month)))
    _require_known(writer, log.documents(writer.read_through))


def _require_known(writer: StepWriter, found: Sequence[Document]) -> None:
    if any(not writer.has_document(each) for each in found):
        raise LogIsAhead("others have issued something that is still being read: try again in a moment")


@dataclass(frozen=True, slots=True)
class BusStatementLog:
    """`StatementLog` for threads beside the event loop of `bus`."""

    bus: Bus
    loop: asyncio.AbstractEventLoop

    def documents(self, start: Offset) -> Sequence[Document]:
        return self._wait(self._documents(start))

    def append(self, messages: Sequence[Outgoing]) -> None:
        self._wait(publish_outgoing(self.bus, messages))

    async def _documents(self, start: Offset) -> Sequence[Document]:
        held = await self.bus.bounds(SHARD)
        found: list[Document] = []
        at = max(start, held.first)
        for _ in range(_PAGES):
            records = await self.bus.read(SHARD, at, limit=_PAGE) if at < held.end else ()
            if not records:
                return found
            found += filter(None, map(_document, records))
            at = Offset(records[-1].offset + 1)
        raise LogIsAhead("the steps that are in the log are still being read: try again in a moment")

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        waiting = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return waiting.result(_WAITS_S)
        except TimeoutError as late:
            waiting.cancel()
            raise AppendUncertain("the log of statements does not answer: look again in a moment") from late


def _document(record: Record) -> Document | None:
    """The document in a record; None for anything else, which is ingested or quarantined elsewhere."""
    try:
        event = None if record.value is None else decode_event(record.value)
    except (msgspec.MsgspecError, ValueError, UnicodeDecodeError, RecursionError):
        return None
    return event if isinstance(event, StatementIssued | CreditNoteIssued) else None
