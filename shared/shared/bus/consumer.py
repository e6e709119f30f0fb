"""The loop that reads the log, written once: monitor, billing and read models differ only in their `Processor`.

A batch can end in three ways. Invalid records are the processor's: it quarantines them in the same atomic write as the
offset. `Busy` means not now: the shard is paused and the same records are offered again, while polling goes on so that
the group keeps this member. A log that is away (`BusUnavailable`) is waited for likewise, however long; a membership
that is of no use any more is replaced by another. Anything else ends the process, loudly: a restart reads again from
the stored offset, and nothing is lost. `Fenced` is no failure: another worker moved the shard, so the stored position
is loaded again. `Halted` is `Busy` until people have decided something; other shards go on.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from shared.contracts.topics import Topic
from shared.heartbeat import Heartbeat
from shared.log.port import Bus, BusUnavailable, Fenced, OffsetGone, Record, Shard, Subscription, every_shard
from shared.log.processor import Busy, Halted, KnownLogs, Processor

MAX_PAUSE_S = 5.0
# An outage may last for hours.
LOG_EVERY_S = 60.0

log = structlog.get_logger()


class ConsumerStatus:
    """How far one member of a group is, for health and metrics to look at. Only its loop writes here.

    The heartbeat beats after each shard, for a round through many of them may be slow and yet be alive.
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self.heartbeat = Heartbeat(group)
        # The shards that are this member's, with the offset that each is read from next.
        self.positions: Mapping[Shard, int] = {}
        # Those of them that are paused, because what their processor needs does not answer.
        self.paused: frozenset[Shard] = frozenset()
        # Those that are halted until people decide, with the message for them.
        self.halted: Mapping[Shard, str] = {}

    def leave(self) -> None:
        """No shard is this member's; its loop lives."""
        self.positions, self.paused, self.halted = {}, frozenset(), {}
        self.heartbeat.beat()


async def consume(
    bus: Bus,
    *,
    group: str,
    topics: Sequence[Topic],
    processor: Processor,
    known_logs: KnownLogs,
    stop: asyncio.Event,
    batch: int = 500,
    concurrency: int = 1,
    poll_s: float = 0.5,
    retry_s: float = 0.1,
    status: ConsumerStatus | None = None,
) -> None:
    """Read `topics` as a member of `group` until `stop` is set; the group is left when this returns or raises.

    While the log is away it waits, and reads on by itself.

    `batch` bounds the records of a shard offered at once, `concurrency` the shards that have records applied at a
    time: while one waits for its store, another goes on. `poll_s` bounds the wait for new ones and so the pace of
    `idle`, `retry_s` is the first pause of a busy shard; each further one is twice as long, up to `MAX_PAUSE_S`.
    `status` is up to date after every round.
    Raises what the processor raises, except `Fenced`, `Busy` and `BusUnavailable`; raises `OffsetGone` when the log
    no longer holds what is to be read next, or is another one than `known_logs` say.
    """
    status = status or ConsumerStatus(group)
    consumer = partial(
        _Consumer,
        bus=bus,
        processor=processor,
        known_logs=known_logs,
        status=status,
        batch=batch,
        applying=asyncio.Semaphore(concurrency),
        poll_s=poll_s,
        retry_s=retry_s,
    )
    log_at = _now()
    while not stop.is_set():
        try:
            await _read_as_member(await bus.subscribe(group, [topic.name for topic in topics]), consumer, stop)
        except BusUnavailable as away:
            if _now() >= log_at:
                log_at = _now() + LOG_EVERY_S
                log.warning("group.left", group=group, reason=str(away))
            status.leave()
            await _wait(stop, MAX_PAUSE_S)


async def _read_as_member(subscription: Subscription, consumer: "partial[_Consumer]", stop: asyncio.Event) -> None:
    """Rounds until `stop` is set; the group is left when this ends. Raises as `consume`, and as `Subscription.poll`."""
    member = consumer(subscription=subscription)
    try:
        while not stop.is_set():
            await member.round()
    finally:
        await subscription.close()


async def unread(bus: Bus, processor: Processor, topics: Sequence[Topic]) -> int:
    """How many offsets of `topics` the processor has still to apply: 0 when it has read all there is.

    A chain of services has come to rest when, asked from the first to the last, each has nothing unread and nothing
    left to publish.
    """
    positions = {shard: await processor.position(shard) for shard in every_shard(topics)}
    return await unread_beyond(bus, {shard: at for shard, at in positions.items() if at is not None}, topics)


async def unread_beyond(bus: Bus, positions: Mapping[Shard, int], topics: Sequence[Topic]) -> int:
    """As `unread`, of a processor that has applied all below `positions`, and nothing of the shards without one."""
    held = {shard: await bus.bounds(shard) for shard in every_shard(topics)}
    return sum(each.end - positions.get(shard, each.first) for shard, each in held.items())


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class _OwnedShard:
    """Where an owned shard is read from next, and the loop times at which something is due for it."""

    next_offset: int
    idle_at: float = 0.0
    paused_until: float | None = None
    pause_s: float = 0.0
    halted: str | None = None


@dataclass(slots=True, kw_only=True)
class _Consumer:
    """One membership of a group."""

    bus: Bus
    subscription: Subscription
    processor: Processor
    known_logs: KnownLogs
    status: ConsumerStatus
    batch: int
    applying: asyncio.Semaphore
    poll_s: float
    retry_s: float
    recognised: set[str] = field(default_factory=set)
    owned: dict[Shard, _OwnedShard] = field(default_factory=dict)

    async def round(self) -> None:
        """New shards are started, what has arrived is applied, and the other shards are given time for their own."""
        await self._match_assignment()
        self._resume()
        arrived = await self.subscription.poll(max_records=self.batch, timeout_s=self._poll_timeout_s())
        await self._offer_all(arrived)
        with suppress(BusUnavailable):  # the next round begins with the shards that have waited longest
            for shard in sorted(self.owned.keys() - arrived.keys(), key=lambda shard: self.owned[shard].idle_at):
                await self._idle(shard)
                self.status.heartbeat.beat()
        self._update_status()

    async def _offer_all(self, arrived: Mapping[Shard, Sequence[Record]]) -> None:
        """Every shard's records have been offered, also when one of them raised; then that is raised."""
        offers = [self._offer_in_turn(shard, records) for shard, records in arrived.items()]
        for failure in await asyncio.gather(*offers, return_exceptions=True):
            if failure is not None:
                raise failure

    async def _offer_in_turn(self, shard: Shard, records: Sequence[Record]) -> None:
        async with self.applying:
            await self._offer(shard, records)
            self.status.heartbeat.beat()

    def _update_status(self) -> None:
        owned = self.owned.items()
        self.status.positions = {shard: each.next_offset for shard, each in owned}
        self.status.paused = frozenset(shard for shard, each in owned if each.paused_until is not None)
        self.status.halted = {shard: each.halted for shard, each in owned if each.halted is not None}
        self.status.heartbeat.beat()

    async def _match_assignment(self) -> None:
        assigned = self.subscription.assigned()
        for lost in self.owned.keys() - assigned:
            self.subscription.resume([lost])
            del self.owned[lost]
        for gained in assigned - self.owned.keys():
            try:
                self.owned[gained] = _OwnedShard(await self._start(gained))
            except (Busy, BusUnavailable):
                # What does not give one position will hardly give the next: all are asked again next round.
                self.subscription.pause([gained])
                return
            self.subscription.resume([gained])

    async def _start(self, shard: Shard) -> int:
        await self._recognise(shard.topic)
        position = await self.processor.position(shard)
        if position is None:
            position = (await self.bus.bounds(shard)).first
        try:
            await self.subscription.seek(shard, position)
        except OffsetGone as gone:
            raise OffsetGone(
                f"{gone}. The stored position and the log no longer belong together: if retention has overtaken the "
                "reader, what is missing must be rebuilt; if the log was recreated, so must the reader's store be"
            ) from gone
        return position

    async def _recognise(self, topic: str) -> None:
        """The log of the topic is the one that stored positions are of, or the first that was ever read."""
        if topic in self.recognised:
            return
        identity = await self.bus.identity(topic)
        known = await self.known_logs.known_log(topic)
        if known is None:
            await self.known_logs.save_known_log(topic, identity)
        elif known != identity:
            raise OffsetGone(
                f"{topic} was recreated since it was last read: stored positions mean nothing now. Send its events "
                "again if they are gone, empty the reader's store, and start the reader again"
            )
        self.recognised.add(topic)

    async def _offer(self, shard: Shard, records: Sequence[Record]) -> None:
        owned = self.owned[shard]
        try:
            owned.next_offset = await self.processor.apply(shard, records)
        except Fenced:
            self._begin_again(shard)
        except (Busy, BusUnavailable) as fault:
            if isinstance(fault, Halted):
                self._mark(shard, owned, str(fault))
            await self._pause(shard, owned)
        else:
            owned.pause_s = 0.0
            self._mark(shard, owned, None)
            if owned.next_offset <= records[-1].offset:
                await self._seek(shard, owned.next_offset)
            await self.subscription.commit(shard, owned.next_offset)

    def _begin_again(self, shard: Shard) -> None:
        """Nothing else is delivered of the shard before it is started again, from the stored position."""
        self.subscription.pause([shard])
        del self.owned[shard]

    def _mark(self, shard: Shard, owned: _OwnedShard, halted: str | None) -> None:
        """The shard is halted, or no longer; either is logged once."""
        if halted is not None and owned.halted is None:
            log.error("shard.halted", shard=str(shard), advice=halted)
        if halted is None and owned.halted is not None:
            log.warning("shard.resumed", shard=str(shard))
        owned.halted = halted

    async def _pause(self, shard: Shard, owned: _OwnedShard) -> None:
        owned.pause_s = min(max(self.retry_s, 2 * owned.pause_s), MAX_PAUSE_S)
        owned.paused_until = _now() + owned.pause_s
        self.subscription.pause([shard])
        await self._seek(shard, owned.next_offset)

    async def _seek(self, shard: Shard, offset: int) -> None:
        """The shard is read on from `offset`; while the log is away it is begun again from where it is stored."""
        try:
            await self.subscription.seek(shard, offset)
        except BusUnavailable:
            self._begin_again(shard)

    def _resume(self) -> None:
        for shard, owned in self.owned.items():
            if owned.paused_until is not None and owned.paused_until <= _now():
                owned.paused_until = None
                self.subscription.resume([shard])

    def _poll_timeout_s(self) -> float:
        paused_s = [each.paused_until - _now() for each in self.owned.values() if each.paused_until is not None]
        return max(0.0, min([self.poll_s, *paused_s]))

    async def _caught_up(self, shard: Shard, owned: _OwnedShard) -> bool:
        # What has been delivered has been applied; what follows may hold nothing to deliver.
        position = max(owned.next_offset, await self.subscription.position(shard))
        return position >= (await self.bus.bounds(shard)).end

    async def _idle(self, shard: Shard) -> None:
        # Paced, because a flood in one shard makes rounds short, and a call may ask the log for its end.
        owned = self.owned[shard]
        if _now() < owned.idle_at:
            return
        owned.idle_at = _now() + self.poll_s
        try:
            await self.processor.idle(shard, caught_up=partial(self._caught_up, shard, owned))
        except Fenced:
            self._begin_again(shard)
        except Busy:
            return  # It is idle's turn again soon enough; records are paused only when they themselves met this.
