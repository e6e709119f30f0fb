"""Billing on a real database, by law: any order and any repetition of events gives what naive rules give."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from decimal import Decimal
from functools import partial

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.store.sql import SqlStore
from shared.contracts.envelope import Event
from shared.contracts.items import FactWithdrawn, WorkCompleted, WorkReceived, WorkReclassified
from shared.contracts.topics import CATALOGUE, USAGE, WORK
from shared.contracts.usage import UsageAdjusted, UsageEvent, UsageRecorded, UsageReversed
from shared.sql.engine import connect
from tests.support.billing_feed import MAY, TARIFFS, feed, quantities
from tests.support.databases import as_owner
from tests.support.forgetting import forget_events
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    adjusted,
    agreement,
    catalogue_events,
    completed,
    received,
    reclassified,
    recorded,
    reversed_,
    tariff,
    unit,
    withdrawn,
)

ENQUIRIES = msgspec.structs.replace(PAYABLE, id="enquiries", name="Enquiries")
PRICED = (*TARIFFS, tariff(unit("1.00"), service=ENQUIRIES.id))
CATALOGUE_WITH_ENQUIRIES = catalogue_events(
    ASHBY, PROVIDER, PAYABLE, ENQUIRIES, ICT, PAYROLL, *PRICED, agreement(*(each.id for each in PRICED))
)

moments = st.integers(0, 60).map(lambda hours: f"2026-05-{29 + hours // 24:02}T{hours % 24:02}:00:00+00:00")
names = st.sampled_from(["a", "b", "c"])
services = st.sampled_from(["accounts-payable", "enquiries"])
amounts = st.integers(0, 40).map(str)
corrections = st.integers(-60, 40).map(lambda halves: str(halves / 2))


@pytest.fixture(scope="module")
def catalogued(module_database_of: Callable[[str], str]) -> Iterator[tuple[SqlStore, Callable[[], None]]]:
    """A store that knows the catalogue, and what makes it forget all else: a database for each example takes long."""
    url = module_database_of("billing")
    owner = connect(as_owner(url))

    with closing(SqlStore.open(url)) as store:
        feed(store, CATALOGUE, CATALOGUE_WITH_ENQUIRIES)
        yield store, partial(forget_events, store, owner)
    owner.dispose()


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Receipts, changes of service, repeated completions, readings, reversals and adjustments; some are withdrawn.

    Every event has an id of its own.
    """
    events: list[Event] = []
    for number in range(draw(st.integers(1, 12))):
        name, at = draw(names), draw(moments)
        events.append(
            draw(
                st.sampled_from(
                    [
                        received(name, at, id=f"{number}-received", service=draw(services)),
                        reclassified(name, at, id=f"{number}-reclassified", service=draw(services)),
                        completed(name, at, units=draw(amounts), id=f"{number}-completed"),
                        recorded(f"{name}-{number}", at, draw(amounts)),
                        reversed_(f"{name}-{draw(st.integers(0, 12))}", at),
                        adjusted(f"{name}-{draw(st.integers(0, 12))}", at, draw(corrections), id=f"{number}-adjusted"),
                    ]
                )
            )
        )
    unique = {event.id: event for event in events}
    of_items = [
        event for event in unique.values() if isinstance(event, WorkReceived | WorkReclassified | WorkCompleted)
    ]
    return [*unique.values(), *(withdrawn(event, draw(moments)) for event in of_items if draw(st.integers(0, 3)) == 0)]


def naive_quantities(history: Sequence[Event], month: str) -> dict[str, Decimal]:
    """The rules applied one event at a time and without a database. All times are British Summer Time, UTC + 1."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    untrue = {event.data.withdrawn_id for event in history if isinstance(event, FactWithdrawn)}
    history = [event for event in history if event.id not in untrue]
    taken_back = {event.data.reversed_id for event in history if isinstance(event, UsageReversed)}
    for event in history:
        if isinstance(event, UsageRecorded) and event.id not in taken_back and _bst_month(event) == month:
            sums["payroll"] += Decimal(event.data.quantity)
            adjusting = (each for each in history if isinstance(each, UsageAdjusted))
            sums["payroll"] += sum(
                Decimal(each.data.quantity) for each in adjusting if each.data.adjusted_id == event.id
            )
    for item in {event.subject for event in history if isinstance(event, WorkReceived)}:
        completions = [event for event in history if isinstance(event, WorkCompleted) and event.subject == item]
        if completions:
            first = min(completions, key=lambda event: (event.time, event.source, event.id))
            if _bst_month(first) == month:
                sums[_service_of(item, history, first.time)] += Decimal(first.data.units)
    return sums


def _service_of(item: str, history: Sequence[Event], completed_at: datetime) -> str:
    """What it was of just before it was completed, and what it became by the time that it was received."""
    mine = [event for event in history if event.subject == item]
    receipt = min((event for event in mine if isinstance(event, WorkReceived)), key=_in_order)
    service = receipt.data.service
    for event in sorted((event for event in mine if isinstance(event, WorkReclassified)), key=_in_order):
        if event.time < completed_at or event.time <= receipt.time:
            service = event.data.service or service
    return service


def _in_order(event: Event) -> tuple[datetime, str, str]:
    return event.time, event.source, event.id


def _bst_month(event: UsageEvent | WorkCompleted) -> str:
    may_in_utc = 23 if event.time.day == 31 else 24
    return "2026-05" if event.time.month == 5 and event.time.hour < may_in_utc else "2026-06"


# The same law on each database, with examples of its own.
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_any_order_with_any_repetition_gives_what_the_naive_rules_give(
    catalogued: tuple[SqlStore, Callable[[], None]], history: list[Event], chance: random.Random
) -> None:
    arriving = history + chance.choices(history, k=chance.randrange(5))
    chance.shuffle(arriving)
    store, forget = catalogued
    forget()

    arrive(store, arriving, chance)

    for month in (MAY, MAY.next):
        expected, found = naive_quantities(history, str(month)), quantities(store, month)
        assert found["payroll"] == expected["payroll"]
        assert found["accounts-payable"] == expected["accounts-payable"]
        assert found["enquiries"] == expected["enquiries"]
    assert all(each.unaccounted == 0 for each in store.progress())


def arrive(store: SqlStore, arriving: Sequence[Event], chance: random.Random) -> None:
    """Each topic's events, in two batches of any size."""
    for topic, types in (
        (WORK, WorkReceived | WorkReclassified | WorkCompleted | FactWithdrawn),
        (USAGE, UsageRecorded | UsageReversed | UsageAdjusted),
    ):
        of_topic = [event for event in arriving if isinstance(event, types)]
        cut = chance.randrange(len(of_topic) + 1)
        for part in (of_topic[:cut], of_topic[cut:]):
            if part:
                feed(store, topic, part)
