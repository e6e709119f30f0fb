"""One batch of a shard: its records added to items, the items judged, and all that is to be stored worked out.

What fails while one item is judged is that item's alone: the others are judged as if it were not there (R59).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from shared.contracts.codec import encode_event
from shared.contracts.envelope import TimeAdvanced, split_item_key
from shared.contracts.topics import VERDICTS
from shared.instants import epoch_us
from shared.log.failures import CodeFailure, attempt
from shared.log.port import Outgoing, Quarantined, Record, Shard
from shared.log.validation import CONFLICT, TOO_MANY, InvalidRecord, as_quarantined, failed_to_read
from shared.state.port import Change, Head
from shared.units import EpochMillis, EpochSeconds, Offset
from sla_monitor.domain.agreements import MissingCalendar
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.decisions import ReevaluationRequest
from sla_monitor.domain.facts import AnyFact, Opened, fact_of, has_withdrawals, read_record, services_named
from sla_monitor.domain.incremental import ignored_kinds, may_decide_nothing
from sla_monitor.domain.item import FactResult, Item, dump_item, identity_digest, is_open, item_key
from sla_monitor.judging.failed_items import FailedItems, log_failed_record, place_of
from sla_monitor.judging.item_cache import CachedItem, IdentityLedger, ItemCache
from sla_monitor.ports import EvaluationContext
from sla_monitor.store.items import STREAMS, evaluate_known

_NO_REQUESTS: Mapping[str, ReevaluationRequest] = {}


class ItemWork(NamedTuple):
    """What a batch has for one item: its new facts, those that have another place now, and what asks to judge it.

    The time that has passed does not where it is `not_due`.
    """

    key: str
    new: Sequence[AnyFact]
    reordered: Sequence[AnyFact]
    request: ReevaluationRequest | None
    not_due: bool

    @property
    def is_any(self) -> bool:
        """Whether there is any reason to look at the item."""
        return bool(self.new) or not self.not_due or self.request is not None or bool(self.reordered)

    @property
    def may_skip(self) -> bool:
        """Whether there is nothing but new facts, which may decide nothing."""
        return bool(self.new) and self.request is None and not self.reordered and may_decide_nothing(self.new)


class ShardBatch:
    """What one atomic write of a shard will hold: `add` records, `judge` items, then ask for the `change`."""

    def __init__(self, shard: Shard, head: Head, cache: ItemCache, context: EvaluationContext) -> None:
        self._shard, self._head, self._cache, self._context = shard, head, cache, context
        self._now_ms = context.now_ms
        self._clock_ms, self._next_offset = head.clock_ms, head.next_offset
        self._added: list[tuple[str, AnyFact, bytes, Record]] = []
        self._identities = IdentityLedger()
        self._counts: Counter[str] = Counter()
        self._parked = Counter(head.parked)
        self._quarantined: list[Quarantined] = []
        self._failed = FailedItems(head)
        self._items: dict[str, bytes | None] = {}
        self._due: dict[str, EpochSeconds | None] = {}
        self._outbox: list[Outgoing] = []

    @property
    def clock_s(self) -> int:
        """The shard's clock after the records added so far, in epoch seconds."""
        return self._clock_ms // 1000

    @property
    def starts_at(self) -> int:
        """The offset from which on the shard has still to be read, before the records added here."""
        return self._head.next_offset

    @property
    def keys(self) -> Iterable[str]:
        """The items that the records added so far are about."""
        return dict.fromkeys(key for key, _, _, _ in self._added)

    @property
    def digests(self) -> Collection[bytes]:
        """What stands for the identities of the facts added so far."""
        return {digest for _, _, digest, _ in self._added}

    def add(self, records: Sequence[Record]) -> None:
        """The records are sorted to their items, the clock has moved on with them, invalid ones are quarantined."""
        for record in records:
            match attempt(_read, self._shard, record):
                case (key, fact):
                    self._added.append((key, fact, identity_digest(fact), record))
                case InvalidRecord() as invalid:
                    self._quarantine(record, invalid)
                case TimeAdvanced(data=data):
                    self._counts["applied"] += 1
                    self.move_clock(epoch_us(data.to) // 1000)
                case CodeFailure() as failure:
                    log_failed_record(self._shard, record, failure)
                    self._quarantine(record, failed_to_read(failure))
        self.move_clock(max(record.timestamp_ms for record in records))
        end = records[-1].offset + 1
        self._counts["absent"] += end - self._next_offset - len(records)
        self._next_offset = Offset(end)

    def move_clock(self, to_ms: int) -> None:
        """Time went on. Never back, and never past the wall clock: a record may carry any timestamp."""
        self._clock_ms = EpochMillis(max(self._clock_ms, min(to_ms, self._now_ms)))

    def judge(
        self,
        keys: Iterable[str],
        stored: Mapping[str, bytes],
        *,
        known: Iterable[bytes] = (),
        requests: Mapping[str, ReevaluationRequest] = _NO_REQUESTS,
        not_due: Container[str] = (),
    ) -> None:
        """Each item of `keys` has what was added for it and is judged at the shard's clock, as `requests` want it.

        `stored` holds those of them that exist and are not in the cache, `known` those of the `digests` that an item of
        the shard holds. Those of `not_due` need not be evaluated for the time that has passed.
        """
        items = {key: self._cache.pop(key) or CachedItem.load(stored.get(key)) for key in keys}
        new, reordered = self._insert(items, IdentityLedger(known))
        for key, held in items.items():
            cached = held
            work = ItemWork(key, new.get(key, ()), reordered.get(key, ()), requests.get(key), key in not_due)
            if self._failed.excludes(key, cached.item, retried=work.request is not None):
                self._store_unjudged(cached.item, work)
            elif work.is_any and cached.item.facts:
                cached = self._judge_or_fail(cached, work)
            if cached.item.recalled and key in self._items:
                self._identities.stored(cached.item)
                self._items[key] = dump_item(cached.item)
            self._cache.put(key, cached)

    def put(self, stored: Mapping[str, bytes]) -> None:
        """The items are written as they are `stored` where judging them alters nothing."""
        self._items.update(stored)

    def let_go(self, council: str) -> None:
        """The items of a council that is held are judged all the same, until too many of them fail."""
        self._failed.let_go(council)

    def release(self, council: str) -> None:
        """The council is held no longer."""
        self._failed.release(council)

    def _insert(
        self, items: Mapping[str, CachedItem], identities: IdentityLedger
    ) -> tuple[Mapping[str, list[AnyFact]], Mapping[str, list[AnyFact]]]:
        """The items grow by their facts that are new, which are returned; duplicates are counted, others quarantined.

        In the order of the log, for of two items with one identity the first has it. Beside it the facts that were sent
        again with a smaller sequence, by which they may have another place now.
        """
        self._identities = identities
        new, reordered = defaultdict[str, list[AnyFact]](list), defaultdict[str, list[AnyFact]](list)
        for key, fact, digest, record in self._added:
            match identities.insert(items[key], fact, digest):
                case FactResult.NEW:
                    new[key].append(fact)
                case FactResult.DUPLICATE:
                    self._count_known(key, items[key].item, fact)
                case FactResult.REORDERED:
                    self._count_known(key, items[key].item, fact)
                    reordered[key].append(fact)
                case FactResult.CONFLICT:
                    self._quarantine(record, CONFLICT)
                case FactResult.TOO_MANY:
                    self._quarantine(record, TOO_MANY)
        return new, reordered

    def _count_known(self, key: str, item: Item, fact: AnyFact) -> None:
        """A fact that came back from the archive counts with the first record of it that is read again."""
        if (identity := (fact.source, fact.id)) in item.unread:
            item.unread.remove(identity)
            self._count_facts(key, 1, waiting=item.waiting)
            self._identities.stored(item)
            self._items[key] = dump_item(item)
        else:
            self._counts["duplicate"] += 1

    def _judge_or_fail(self, cached: CachedItem, work: ItemWork) -> CachedItem:
        """The item has been judged, or has failed with nothing changed but its facts; returns it as it is cached."""
        failure = self._attempt(cached, work)
        item, newest = cached.item, self._context.catalogue.position
        if failure is not None and item.failed is not None and item.known_to != newest:
            # What has ended keeps its catalogue (R10), unless it cannot be judged by it at all.
            item.known_to = newest
            failure = self._attempt(cached, work)
        if failure is not None:
            self._fail(item, work, failure)
            return CachedItem(item)
        if item.failed is not None:
            self._failed.recovered(work.key, item)
            self._items[work.key] = dump_item(item)
        return cached

    def _attempt(self, cached: CachedItem, work: ItemWork) -> CodeFailure | None:
        """The item has been judged; or why it has not, with everything as it was before."""
        item, sent, counts, parked = cached.item, len(self._outbox), dict(self._counts), dict(self._parked)
        announced, waiting = item.announced, item.waiting
        failure = attempt(self._judge_one, cached, work)
        if failure is not None:
            item.announced, item.waiting = announced, waiting
            del self._outbox[sent:]
            self._counts, self._parked = Counter(counts), Counter(parked)
        return failure

    def _judge_one(self, cached: CachedItem, work: ItemWork) -> None:
        key, new = work.key, work.new
        if work.may_skip and (self._apply(key, cached, new) or (work.not_due and self._ignores(key, cached, new))):
            self._counts["applied"] += len(new)
            self._items[key] = dump_item(cached.item)
        else:
            self._judge(cached, work)

    def _fail(self, item: Item, work: ItemWork, failure: CodeFailure) -> None:
        """Its facts count as applied, nothing is due, and what was announced of it stands."""
        key, new, context = work.key, len(work.new), self._context
        parked = _counted(item) - new if item.waiting else 0
        self._count_facts(key, -parked, waiting=True)
        self._count_facts(key, parked + new, waiting=False)
        item.waiting, self._due[key] = False, None
        self._failed.add(key, item, failure, at=self.clock_s, version=context.version, next_offset=self._next_offset)
        self._items[key] = dump_item(item)

    def _store_unjudged(self, item: Item, work: ItemWork) -> None:
        """The item has its facts, and the catalogue by which it is to be judged once it can be."""
        known_to = item.known_to
        attempt(self._renew, item, work.request)  # one that cannot even be read keeps its catalogue
        self._count_facts(work.key, len(work.new), waiting=item.waiting)
        self._due[work.key] = None
        if work.new or work.reordered or item.known_to != known_to:
            self._items[work.key] = dump_item(item)

    def _apply(self, key: str, cached: CachedItem, new: Sequence[AnyFact]) -> bool:
        """Whether incremental evaluation was enough: the new facts decide nothing, only when to evaluate next."""
        context, (council, _) = self._context, split_item_key(key)
        if cached.item.known_to != context.catalogue.position or context.decisions.current.approved(council):
            return False
        if not cached.apply(new, as_of=self.clock_s):
            return False
        self._due[key] = _due_at(cached.wake)
        return True

    def _ignores(self, key: str, cached: CachedItem, new: Sequence[AnyFact]) -> bool:
        """Whether no target of the item reads facts of such kinds."""
        item, (council, _) = cached.item, split_item_key(key)
        opened = item.facts[0]
        if item.waiting or type(opened) is not Opened or has_withdrawals(item.facts):
            return False
        index = self._context.catalogue.agreement_index_known_to(item.known_to)
        try:
            kinds = ignored_kinds(index.bound_targets(council, services_named(item.facts), opened.at_s))
        except MissingCalendar:
            return False
        return all(type(fact) in kinds for fact in new)

    def _judge(self, cached: CachedItem, work: ItemWork) -> None:
        item, key, new = cached.item, work.key, work.new
        before = item.announced, item.waiting, item.known_to
        trigger = _trigger(key, new or work.reordered, work.request, at=self.clock_s)
        evaluation = self._evaluate(item, trigger, work.request)
        self._count(key, item, waiting=evaluation.waiting, new=len(new))
        item.waiting, self._due[key] = evaluation.waiting, _due_at(evaluation.wake)
        events, item.announced = announce(item.announced, evaluation, trigger)
        self._outbox += [Outgoing(each.id, VERDICTS.name, key, encode_event(each), self._clock_ms) for each in events]
        if new or work.reordered or before != (item.announced, item.waiting, item.known_to):
            self._items[key] = dump_item(item)
        cached.evaluated(evaluation, as_of=self.clock_s)

    def _renew(self, item: Item, request: ReevaluationRequest | None) -> None:
        """The item is known by the newest catalogue while it is open, and where `request` wants it (R10)."""
        newest, renew = self._context.catalogue.position, request is not None and request.renews
        if item.known_to != newest and (renew or item.known_to == 0 or is_open(item)):
            item.known_to = newest

    def _evaluate(self, item: Item, trigger: Trigger, request: ReevaluationRequest | None) -> Evaluation:
        self._renew(item, request)
        evaluation, newest = self._evaluate_known(item, trigger), self._context.catalogue.position
        if evaluation.waiting and item.known_to != newest:
            # It has ended, and lay ahead of the clock until now. What waits is known by the newest catalogue.
            item.known_to = newest
            return self._evaluate_known(item, trigger)
        return evaluation

    def _evaluate_known(self, item: Item, trigger: Trigger) -> Evaluation:
        return evaluate_known(
            item,
            council=trigger.council,
            stream=STREAMS[self._shard.topic],
            name=trigger.item,
            catalogue=self._context.catalogue,
            decisions=self._context.decisions,
            as_of=self.clock_s,
        )

    def _count(self, key: str, item: Item, *, waiting: bool, new: int) -> None:
        """All facts of an item whose council has no agreement yet are parked, and all of them apply when it has."""
        if item.waiting != waiting:
            # Waiting may begin late too: facts that came before their item's opening need no agreement.
            self._count_facts(key, new - _counted(item), waiting=item.waiting)
            new = _counted(item)
        self._count_facts(key, new, waiting=waiting)

    def _count_facts(self, key: str, facts: int, *, waiting: bool) -> None:
        """So many facts more of an item are parked or applied."""
        self._counts["parked" if waiting else "applied"] += facts
        if waiting:
            self._parked[place_of(key)[0]] += facts

    def _quarantine(self, record: Record, invalid: InvalidRecord) -> None:
        self._counts["quarantined"] += 1
        self._quarantined.append(as_quarantined(record, invalid))

    def change(self) -> Change:
        """What to store, under a head that follows the one that the batch began with."""
        counts = Counter(self._head.counts)
        counts.update(self._counts)
        head = replace(
            self._head,
            revision=self._head.revision + 1,
            next_offset=self._next_offset,
            clock_ms=self._clock_ms,
            counts=dict(counts),
            failed=self._failed.keys,
            held=self._failed.held,
            parked={council: count for council, count in sorted(self._parked.items()) if count},
        )
        return Change(head, self._items, self._due, self._identities.changes, self._outbox, self._quarantined)


def _read(shard: Shard, record: Record) -> InvalidRecord | TimeAdvanced | tuple[str, AnyFact]:
    """What is wrong with the record, the time to which it moves the clock, or its fact and the key of its item."""
    event = read_record(shard, record)
    if isinstance(event, InvalidRecord | TimeAdvanced):
        return event
    return item_key(event, record), fact_of(event)


def _trigger(key: str, new: Sequence[AnyFact], request: ReevaluationRequest | None, *, at: int) -> Trigger:
    council, name = split_item_key(key)
    if request is not None:
        # A quiet shard's clock may be long before the request; a correction is never older than its cause.
        return Trigger(council, name, request.cause, max(at, request.at))
    return Trigger(council, name, new[-1].id if new else "clock", at)


def _due_at(wake: int | None) -> EpochSeconds | None:
    return None if wake is None else EpochSeconds(wake)


def _counted(item: Item) -> int:
    """Of how many of its facts a record of the shard has been read."""
    return len(item.facts) - len(item.unread)
