"""Twenty-six bugs of the kind that this project exists to avoid, each planted and found by name."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from unittest.mock import patch

import msgspec
from sqlalchemy import delete, false

import billing.domain.charge_line as billing_lines
import billing.store.usage as billing_usage
import billing.store.writing as billing_writing
import sla_monitor.domain.clock.timeline as timeline_reading
import sla_monitor.store.items as stored_items
from billing.domain.ingest import AcceptedEvent
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.scalars import Stream
from shared.contracts.verdicts import VerdictEvent, VerdictKey, VerdictRetracted, verdict_key
from shared.ids import derived_id
from shared.log.port import AppendUncertain, Bounds, Message, OffsetGone, Outgoing, Shard, publish_outgoing
from shared.log.processor import CaughtUp
from shared.sql.inbox import Arrival, InsertResult, receive
from shared.state import publisher
from shared.state.port import Change, Head
from shared.state.publisher import Publisher
from sla_monitor.domain.clock.verdict import Verdict, evaluate
from sla_monitor.domain.facts import AnyFact, Withdrawn
from sla_monitor.domain.item import FactResult, Identities, Item, insert_fact
from sla_monitor.domain.marks import open_work
from sla_monitor.judging import item_cache, marking
from sla_monitor.judging.archiving import ArchiveReader
from sla_monitor.judging.marking import ShardMarker
from sla_monitor.judging.processor import JudgingProcessor
from sla_monitor.store import recorder
from tests.simulation.bus import MemoryBus, MemorySubscription
from tests.simulation.databases import FaultyArchive, FaultyReadModel
from tests.simulation.plan import LOST_BEFORE_LATE_EVENTS, Emphasis
from tests.simulation.states import MemoryStates

Bug = Callable[[], Any]


def skip_the_compare_and_set() -> Any:
    """Whoever writes last wins."""
    write = MemoryStates._write

    def unfenced(states: MemoryStates, shard: Shard, seen: Head | None, change: Change) -> None:
        write(states, shard, states._server.of(shard).head, change)

    return patch.object(MemoryStates, "_write", unfenced)


def offset_before_outbox() -> Any:
    """The head is stored first and its items and outbox after it, in two writes."""
    commit = MemoryStates.commit

    async def torn(states: MemoryStates, shard: Shard, seen: Head | None, change: Change) -> None:
        await commit(states, shard, seen, Change(change.head))
        await states._faults.yield_turn()
        states._write(shard, change.head, change)

    return patch.object(MemoryStates, "commit", torn)


def latest_reset() -> Any:
    """A reader without a stored offset begins at the end."""
    bounds = MemoryBus.bounds

    async def newest(bus: MemoryBus, shard: Shard) -> Bounds:
        end = (await bounds(bus, shard)).end
        return Bounds(end, end)

    return patch.object(MemoryBus, "bounds", newest)


def expiring_dedupe() -> Any:
    """What was received is remembered until something else is."""

    def forgetful(connection: Any, inbox: Any, arrivals: Sequence[Arrival]) -> list[InsertResult]:
        connection.execute(delete(inbox))
        return receive(connection, inbox, arrivals)

    return patch.object(billing_writing, "receive", forgetful)


def month_partitioned_inbox() -> Any:
    """What was received is remembered for each month by itself."""
    arrival = billing_writing.arrival

    def of_month(kept: AcceptedEvent) -> Arrival:
        whole = arrival(kept)
        month = datetime.fromtimestamp(kept.record.timestamp_ms / 1000, UTC).month
        return whole._replace(id=f"{month}/{whole.id}")

    return patch.object(billing_writing, "arrival", of_month)


def wall_clock_timers() -> Any:
    """Time passes for deadlines whether or not the log has been read."""
    idle = JudgingProcessor.idle

    async def impatient(judging: JudgingProcessor, shard: Shard, *, caught_up: CaughtUp) -> None:
        async def always() -> bool:
            return True

        await idle(judging, shard, caught_up=always)

    return patch.object(JudgingProcessor, "idle", impatient)


@contextmanager
def naive_outbox_poll() -> Iterator[None]:
    """Numbers are drawn before a write is visible, and the poller goes on from the highest that it has seen."""
    numbers: dict[str, int] = {}
    drawn, last = count(1), [0]
    commit = MemoryStates.commit

    async def numbered(states: MemoryStates, shard: Shard, seen: Head | None, change: Change) -> None:
        for message in change.outbox:
            numbers.setdefault(message.id, next(drawn))
        await states._faults.yield_turn()
        await commit(states, shard, seen, change)

    async def poll(publisher: Publisher, _: Shard) -> bool:
        assert isinstance(publisher._states, MemoryStates)
        rows = [row for state in publisher._states._server.shards.values() for row in state.outbox.values()]
        news = sorted((row for row in rows if numbers[row.id] > last[0]), key=lambda row: numbers[row.id])
        for row in news:
            await publisher._bus.publish(row.topic, [Message(row.key, row.value)])
        last[0] = max([last[0], *(numbers[row.id] for row in news)])
        return bool(news)

    with patch.object(MemoryStates, "commit", numbered), patch.object(Publisher, "send", poll):
        yield


def swallowed_send_error() -> Any:
    """An unanswered publish is taken for a good one."""
    publish = MemoryBus.publish

    async def hopeful(bus: MemoryBus, topic: str, messages: Sequence[Message]) -> None:
        try:
            await publish(bus, topic, messages)
        except AppendUncertain:
            return

    return patch.object(MemoryBus, "publish", hopeful)


def float_money() -> Any:
    """Pence are rounded from binary fractions."""
    return patch.object(billing_lines, "pence", lambda pounds: round(float(pounds) * 100))


def id_contains_offset() -> Any:
    """An announcement's id depends on the offset at which it was made."""
    commit = MemoryStates.commit

    async def renamed(states: MemoryStates, shard: Shard, seen: Head | None, change: Change) -> None:
        outbox = [_renamed(message, change.head.next_offset) for message in change.outbox]
        await commit(states, shard, seen, replace(change, outbox=outbox))

    return patch.object(MemoryStates, "commit", renamed)


def _renamed(message: Outgoing, offset: int) -> Outgoing:
    event = decode_event(message.value)
    other = msgspec.structs.replace(event, id=derived_id("offset", event.id, offset))
    return msgspec.structs.replace(message, id=other.id, value=encode_event(other))


def ignored_retraction() -> Any:
    """The read model knows verdicts and corrections only."""
    record = FaultyReadModel.record

    def unretracted(model: FaultyReadModel, shard: Shard, *, events: Collection[VerdictEvent], **progress: Any) -> None:
        record(model, shard, events=[each for each in events if not isinstance(each, VerdictRetracted)], **progress)

    return patch.object(FaultyReadModel, "record", unretracted)


@contextmanager
def reset_on_missing_offset() -> Iterator[None]:
    """A reader whose offset is gone goes on with what is left."""
    seek, read = MemorySubscription.seek, MemorySubscription._read

    async def anywhere(member: MemorySubscription, shard: Shard, offset: int) -> None:
        try:
            await seek(member, shard, offset)
        except OffsetGone:
            await seek(member, shard, member._log.bounds(shard).first)

    def whatever(member: MemorySubscription, limit: int) -> Any:
        for shard, offset in member._next.items():
            member._next[shard] = max(offset, member._log.bounds(shard).first)
        return read(member, limit)

    with (
        patch.object(MemorySubscription, "seek", anywhere),
        patch.object(MemorySubscription, "_read", whatever),
    ):
        yield


def no_reconciliation() -> Any:
    """What was announced and then lost with the live state is not reconciled."""

    async def trusting(_judging: JudgingProcessor, _shard: Shard, head: Head, *_: object, **__: object) -> Head:
        return head

    return patch.object(JudgingProcessor, "_judge_unreconciled", trusting)


def ties_by_kind() -> Any:
    """Facts of one instant are always read in one order of their kinds."""
    return patch.object(timeline_reading, "in_order_of_effect", lambda tie, _: list(tie))


@contextmanager
def failure_of(failing: Callable[[str], bool]) -> Iterator[None]:
    """Judging a ticket of such an id raises. The product cannot avoid every bug, but must survive this one."""

    def planted(facts: Any, *, stream: Stream, item: str, **about: Any) -> Any:
        if stream == "ticket" and failing(item):
            raise ZeroDivisionError
        return evaluate(facts, stream=stream, item=item, **about)

    with patch.object(stored_items, "evaluate", planted):
        yield


def archive_not_asked() -> Any:
    """What live state does not hold is taken for new."""

    async def nothing(_archive: ArchiveReader, _shard: Shard, _keys: Collection[str], **_: int) -> dict[str, bytes]:
        return {}

    return patch.object(ArchiveReader, "recall", nothing)


def copy_not_renewed() -> Any:
    """An item that comes back from the archive leaves again without what it has got."""
    put = FaultyArchive.put

    def once(archive: FaultyArchive, shard: Shard, items: Mapping[str, Item], *, read_to: int) -> int:
        copies = archive.find(shard, items, after_write=0)
        return put(archive, shard, {key: item for key, item in items.items() if key not in copies}, read_to=read_to)

    return patch.object(FaultyArchive, "put", once)


def targets_without_their_agreement() -> Any:
    """What is published of a target is remembered by its id alone, which two agreements share."""
    return patch.object(Verdict, "name", property(lambda verdict: f"any/{verdict.target.id}/{verdict.cycle.number}"))


def items_without_their_stream() -> Any:
    """Readers keep a verdict by the id of its item alone, which a ticket and a work item share."""

    def of_any_stream(event: VerdictEvent) -> VerdictKey:
        return verdict_key(event)._replace(stream="ticket")

    return patch.object(recorder, "verdict_key", of_any_stream)


def first_service_for_ever() -> Any:
    """A ticket is recharged under the service that it was opened for, whatever it has become since."""
    return other_sql("service_then", lambda _of, opened: opened.c.service)


def withdrawn_completions_count() -> Any:
    """Whoever withdrew a completion is billed for it all the same."""
    return other_sql("is_withdrawn", lambda _of: false())


@contextmanager
def other_sql(rule: str, other: Callable[..., Any]) -> Iterator[None]:
    """Billing's queries are made with another rule, and are made anew: they are kept once made."""
    kept = [each for each in vars(billing_usage).values() if hasattr(each, "cache_clear")]
    with ExitStack() as stack:
        for each in kept:
            each.cache_clear()
            stack.callback(each.cache_clear)
        with patch.object(billing_usage, rule, other):
            yield


def withdrawal_forgotten() -> Any:
    """A withdrawal takes the fact away that is here, and is not kept for one that is still to come."""
    insert = insert_fact

    def taking_away(item: Item, fact: AnyFact, identities: Identities | None = None) -> FactResult:
        result = insert(item, fact, identities)
        if isinstance(fact, Withdrawn):
            item.facts = [each for each in item.facts if each.id not in (fact.id, fact.withdrawn_id)]
        return result

    return patch.object(item_cache, "insert_fact", taking_away)


def marks_by_the_wall_clock() -> Any:
    """A shard is marked as judged through now, whatever of it has still to be read."""
    mark = JudgingProcessor._mark

    async def hasty(judging: JudgingProcessor, shard: Shard, head: Head, *, to_ms: int) -> None:
        await mark(judging, shard, head, to_ms=max(to_ms, judging._context.judged_to_ms))

    return patch.object(JudgingProcessor, "_mark", hasty)


@contextmanager
def marks_ahead_of_announcements() -> Iterator[None]:
    """A mark is published before the announcements that were written before it."""
    publish = JudgingProcessor._publish

    async def eager(judging: JudgingProcessor, shard: Shard, head: Head) -> None:
        await judging._mark(shard, head, to_ms=head.clock_ms)
        await publish(judging, shard, judging._heads[shard] or head)

    async def marks_first(bus: MemoryBus, outgoing: Sequence[Outgoing]) -> None:
        await publish_outgoing(bus, sorted(outgoing, key=lambda each: b"judged-through" not in each.value))

    with patch.object(JudgingProcessor, "_publish", eager), patch.object(publisher, "publish_outgoing", marks_first):
        yield


def marks_of_what_is_unreconciled() -> Any:
    """A shard is marked although more may have been published of it than it remembers."""
    mark = JudgingProcessor._mark

    async def trusting(judging: JudgingProcessor, shard: Shard, head: Head, *, to_ms: int) -> None:
        with patch.object(judging._publications, "unreconciled_of", lambda _: None):
            await mark(judging, shard, head, to_ms=to_ms)

    return patch.object(JudgingProcessor, "_mark", trusting)


def marks_without_quarantine() -> Any:
    """Of what is open a mark does not say what is quarantined."""

    async def nothing(_marker: ShardMarker, _shard: Shard, _head: Head) -> Mapping[str | None, int]:
        return {}

    return patch.object(ShardMarker, "_open_quarantined", nothing)


def marks_that_forget_the_parked() -> Any:
    """Of what is open a mark does not say what is parked."""
    return patch.object(marking, "open_work", lambda head, found: open_work(replace(head, parked={}), found))


BUGS: dict[str, Bug] = {
    bug.__name__.replace("_", " "): bug
    for bug in (
        skip_the_compare_and_set,
        offset_before_outbox,
        latest_reset,
        expiring_dedupe,
        month_partitioned_inbox,
        wall_clock_timers,
        naive_outbox_poll,
        swallowed_send_error,
        float_money,
        id_contains_offset,
        ignored_retraction,
        reset_on_missing_offset,
        no_reconciliation,
        ties_by_kind,
        archive_not_asked,
        copy_not_renewed,
        targets_without_their_agreement,
        items_without_their_stream,
        first_service_for_ever,
        withdrawn_completions_count,
        withdrawal_forgotten,
        marks_by_the_wall_clock,
        marks_ahead_of_announcements,
        marks_of_what_is_unreconciled,
        marks_without_quarantine,
        marks_that_forget_the_parked,
    )
}
# What is so rare by the plain weights that it is looked for where it is not.
EMPHASES: dict[str, Emphasis] = {"no reconciliation": LOST_BEFORE_LATE_EVENTS}
# What `python -m tests.simulation record` printed: seeds that find each of them.
SEEDS: dict[str, tuple[int, ...]] = {
    "skip the compare and set": (0, 3, 5),
    "offset before outbox": (2, 5, 7),
    "latest reset": (0, 1, 2),
    "expiring dedupe": (0, 1, 2),
    "month partitioned inbox": (1, 2, 3),
    "wall clock timers": (0, 11, 61),
    "naive outbox poll": (0, 1, 2),
    "swallowed send error": (1, 2, 6),
    "float money": (2, 3, 4),
    "id contains offset": (0, 1, 2),
    "ignored retraction": (0, 1, 8),
    "reset on missing offset": (2, 3, 5),
    "no reconciliation": (5, 9, 14),
    "ties by kind": (0, 1, 2),
    "archive not asked": (0, 3, 13),
    "copy not renewed": (3, 13, 42),
    "targets without their agreement": (0, 1, 2),
    "items without their stream": (0, 1, 2),
    "first service for ever": (0, 1, 2),
    "withdrawn completions count": (6, 11, 12),
    "withdrawal forgotten": (2, 3, 5),
    "marks by the wall clock": (0, 1, 2),
    "marks ahead of announcements": (1, 2, 3),
    "marks of what is unreconciled": (0, 7, 33),
    "marks without quarantine": (0, 1, 2),
    "marks that forget the parked": (0, 1, 7),
}
