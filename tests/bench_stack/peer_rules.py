"""The product's own rules as one pure step, for programs that bring their own log and their own state.

Read and check a record, add its fact to the item, judge it, word what is announced, all to bytes. What surrounds the
rules in the product is not here: an item's ids are looked at among its own only, nothing falls due without an event.
"""

from typing import NamedTuple

from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.envelope import TimeAdvanced, split_item_key
from shared.contracts.topics import TICKETS
from shared.log.port import Record, Shard
from shared.log.validation import InvalidRecord
from shared.units import EpochMillis, Offset
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.facts import fact_of, read_record
from sla_monitor.domain.item import Item, dump_item, insert_fact, load_item
from sla_monitor.domain.versions import CatalogueHistory
from tests.support.tickets import catalogue


class Stepped(NamedTuple):
    """The item as it is stored after a record, and the events to send, encoded."""

    stored: bytes
    announced: list[bytes]


def _known() -> CatalogueHistory:
    history = CatalogueHistory()
    for position, message in enumerate(catalogue(), start=1):
        event = decode_event(message.value)
        assert isinstance(event, CatalogueEvent)
        history.add(event, position=position)
    return history


AGREEMENTS = _known().versions.agreement_index(known_to=1_000)


def step(stored: bytes | None, key: bytes, value: bytes, *, partition: int, offset: int, timestamp_ms: int) -> Stepped:
    """What one record of the tickets' topic makes of its item, judged at the record's own time."""
    record = Record(Offset(offset), key, value, (), EpochMillis(timestamp_ms))
    event = read_record(Shard(TICKETS.name, partition), record)
    assert not isinstance(event, InvalidRecord | TimeAdvanced), event
    item, fact = Item() if stored is None else load_item(stored), fact_of(event)
    insert_fact(item, fact)
    council, name = split_item_key(event.key)
    trigger = Trigger(council, name, fact.id, timestamp_ms // 1000)
    evaluation = evaluate(
        item.facts, council=council, stream="ticket", item=name, agreement_index=AGREEMENTS, as_of=trigger.at
    )
    events, item.announced = announce(item.announced, evaluation, trigger)
    return Stepped(dump_item(item), [encode_event(each) for each in events])


class Counter:
    """Prints how many events were worked off, a line every so many: `environment.CountingProgram` reads it."""

    def __init__(self, every: int = 500) -> None:
        self._count, self._every = 0, every

    def add(self) -> None:
        """One more."""
        self._count += 1
        if self._count % self._every == 0:
            print(self._count, flush=True)  # noqa: T201 (this is what the program prints for)
