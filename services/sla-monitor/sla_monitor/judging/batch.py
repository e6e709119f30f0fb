"""One batch of a shard: its records taken into items, the items judged, and all that is to be stored worked out."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from shared.contracts.codec import encode_event
from shared.contracts.envelope import TimeAdvanced
from shared.contracts.items import OutageEnded, OutageStarted
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.instants import epoch_us
from shared.log.port import Outgoing, Quarantined, Record, Shard
from shared.log.validation import CONFLICT, InvalidRecord, as_quarantined
from shared.state.port import Change, Head
from sla_monitor.domain.agreements import MissingCalendar
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.facts import AnyFact, ItemEvent, Opened, fact_of, read_record
from sla_monitor.domain.incremental import ignored_kinds
from sla_monitor.domain.item import OUTAGE_MARK, FactResult, Item, dump_item, insert_fact, is_open, load_item
from sla_monitor.judging.item_cache import CachedItem, ItemCache
from sla_monitor.ports import Catalogue, DecisionsLog

_NO_REQUESTS: Mapping[str, ReevaluationRequest] = {}


class ShardBatch:
    """What one atomic write of a shard will hold: `insert_fact` records, `judge` items, then ask for the `change`."""

    def __init__(
        self, shard: Shard, head: Head, shelf: ItemCache, *, now_ms: int, catalogue: Catalogue, decisions: DecisionsLog
    ) -> None:
        self._shard, self._head, self._shelf, self._now_ms = shard, head, shelf, now_ms
        self._catalogue, self._decisions = catalogue, decisions
        self._clock_ms, self._next_offset = head.clock_ms, head.next_offset
        self._offered: dict[str, list[tuple[AnyFact, Record]]] = {}
        self._counts: Counter[str] = Counter()
        self._quarantined: list[Quarantined] = []
        self._items: dict[str, bytes | None] = {}
        self._due: dict[str, int | None] = {}
        self._outbox: list[Outgoing] = []

    @property
    def clock_s(self) -> int:
        """The shard's clock after the records taken so far."""
        return self._clock_ms // 1000

    @property
    def keys(self) -> Iterable[str]:
        """The items that the records taken so far are about."""
        return self._offered.keys()

    def take(self, records: Sequence[Record]) -> None:
        """The records are sorted to their items, the clock has moved on with them, the unreadable are set aside."""
        for record in records:
            match read_record(self._shard, record):
                case InvalidRecord() as refused:
                    self._set_aside(record, refused)
                case TimeAdvanced(data=data):
                    self._counts["applied"] += 1
                    self.move_clock(epoch_us(data.to) // 1000)
                case event:
                    self._offered.setdefault(item_key(event, record), []).append((fact_of(event), record))
        self.move_clock(max(record.timestamp_ms for record in records))
        last = records[-1].offset + 1
        self._counts["absent"] += last - self._next_offset - len(records)
        self._next_offset = last

    def move_clock(self, to_ms: int) -> None:
        """Time went on. Never back, and never past the wall clock: a record may carry any timestamp."""
        self._clock_ms = max(self._clock_ms, min(to_ms, self._now_ms))

    def judge(
        self,
        keys: Iterable[str],
        stored: Mapping[str, bytes],
        *,
        requests: Mapping[str, ReevaluationRequest] = _NO_REQUESTS,
        not_due: Container[str] = (),
    ) -> None:
        """Each item of `keys` has what was offered to it and is judged at the shard's clock, as `requests` want it.

        `stored` holds those of them that exist and are not on the shelf. Those of `not_due` need no look for the time.
        """
        for key in keys:
            live = self._shelf.take_down(key) or _loaded(stored.get(key))
            item = live.item
            taken = self._absorb(item, self._offered.get(key, ()))
            ordinary = taken and key not in requests
            if ordinary and (self._follows(key, live, taken) or (key in not_due and self._passes(key, item, taken))):
                self._counts["applied"] += len(taken)
                self._items[key] = dump_item(item)
            elif item.facts:
                self._judge(key, live, taken, requests.get(key))
            self._shelf.put_back(key, live)

    def _follows(self, key: str, live: CachedItem, taken: Sequence[AnyFact]) -> bool:
        """Whether the facts taken decide nothing, so that the item is only to be looked at at another time."""
        if live.item.known_to != self._catalogue.position or self._decisions.current.approved(key.partition(":")[0]):
            return False
        if not live.follows(taken, as_of=self.clock_s):
            return False
        self._due[key] = live.wake
        return True

    def _passes(self, key: str, item: Item, taken: Sequence[AnyFact]) -> bool:
        """Whether the facts taken are of kinds that nothing promised about the item heeds."""
        opened, council = item.facts[0], key.partition(":")[0]
        if item.waiting or type(opened) is not Opened:
            return False
        try:
            bound_targets = self._catalogue.agreement_index_known_to(item.known_to).bound_targets(
                council, opened.service, opened.at_s
            )
        except MissingCalendar:
            return False
        kinds = ignored_kinds(bound_targets)
        return all(type(fact) in kinds for fact in taken)

    def _judge(self, key: str, live: CachedItem, taken: Sequence[AnyFact], order: ReevaluationRequest | None) -> None:
        item = live.item
        before = item.announced, item.waiting, item.known_to
        trigger = _trigger(key, taken, order, at=self.clock_s)
        evaluation = self._evaluate(item, trigger, renew=order is not None and order.renews)
        self._settle(key, item, evaluation, taken=len(taken))
        self._announce(item, evaluation, trigger)
        if taken or before != (item.announced, item.waiting, item.known_to):
            self._items[key] = dump_item(item)
        live.judged(evaluation, as_of=self.clock_s)

    def _absorb(self, item: Item, offered: Iterable[tuple[AnyFact, Record]]) -> list[AnyFact]:
        """The item's facts grow by what is new, which is returned; the rest is counted for what it is."""
        new: list[AnyFact] = []
        for fact, record in offered:
            match insert_fact(item, fact):
                case FactResult.NEW:
                    new.append(fact)
                case FactResult.DUPLICATE:
                    self._counts["duplicate"] += 1
                case FactResult.CONFLICT:
                    self._set_aside(record, CONFLICT)
        return new

    def _evaluate(self, item: Item, trigger: Trigger, *, renew: bool) -> Evaluation:
        newest = self._catalogue.position
        if item.known_to != newest and (renew or item.known_to == 0 or is_open(item)):
            item.known_to = newest
        try:
            return evaluate(
                item.facts,
                council=trigger.council,
                item=trigger.item,
                agreement_index=self._catalogue.agreement_index_known_to(item.known_to),
                exclusions=self._decisions.current.approved(trigger.council),
                as_of=self.clock_s,
            )
        except MissingCalendar:
            # The agreement came before its calendar: the item waits for it as it would for the agreement.
            return Evaluation(None, waiting=True)

    def _settle(self, key: str, item: Item, evaluation: Evaluation, *, taken: int) -> None:
        """All facts of an item whose council has no agreement yet are parked, and all of them apply when it has."""
        if item.waiting != evaluation.waiting:
            # Waiting may begin late too: facts that came before their item's opening ask for no agreement.
            self._counts["parked" if item.waiting else "applied"] -= len(item.facts) - taken
            taken = len(item.facts)
        self._counts["parked" if evaluation.waiting else "applied"] += taken
        item.waiting = evaluation.waiting
        self._due[key] = evaluation.wake

    def _announce(self, item: Item, evaluation: Evaluation, trigger: Trigger) -> None:
        events, item.announced = announce(item.announced, evaluation, trigger)
        self._outbox.extend(self._outgoing(event) for event in events)

    def _outgoing(self, event: VerdictEvent) -> Outgoing:
        return Outgoing(event.id, VERDICTS.name, event.key, encode_event(event), self._clock_ms)

    def _set_aside(self, record: Record, refused: InvalidRecord) -> None:
        self._counts["quarantined"] += 1
        self._quarantined.append(as_quarantined(record, refused))

    def change(
        self,
        *,
        catalogue_position: int | None = None,
        decisions_position: int | None = None,
        published_through: int | None = None,
    ) -> Change:
        """What to store, with a head that follows the one the batch began with; positions stay unless given."""
        counts = Counter(self._head.counts)
        counts.update(self._counts)
        return Change(
            head=Head(
                revision=self._head.revision + 1,
                first_offset=self._head.first_offset,
                next_offset=self._next_offset,
                clock_ms=self._clock_ms,
                catalogue_position=self._head.catalogue_position if catalogue_position is None else catalogue_position,
                counts=dict(counts),
                decisions_position=self._head.decisions_position if decisions_position is None else decisions_position,
                published_through=self._head.published_through if published_through is None else published_through,
            ),
            items=self._items,
            due=self._due,
            outbox=self._outbox,
            quarantined=self._quarantined,
        )


def _loaded(blob: bytes | None) -> CachedItem:
    return CachedItem(Item() if blob is None else load_item(blob))


def item_key(event: ItemEvent, record: Record) -> str:
    """Under which key live state keeps what the event is about."""
    key = event.key if record.key is None else record.key.decode()  # they are the same, or it had been refused
    return f"{OUTAGE_MARK}{key}" if isinstance(event, OutageStarted | OutageEnded) else key


def _trigger(key: str, taken: Sequence[AnyFact], order: ReevaluationRequest | None, *, at: int) -> Trigger:
    council, _, name = key.partition(":")
    if order is not None:
        # A quiet shard's clock may stand long before the order; a correction is never older than what caused it.
        return Trigger(council, name, order.cause, max(at, order.at))
    return Trigger(council, name, taken[-1].id if taken else "clock", at)
