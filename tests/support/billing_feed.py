"""Billing as tests feed it: three charged services, events as their topics bring them, and what was counted."""

from collections.abc import Iterable
from decimal import Decimal

from billing.consumer import ingest
from billing.domain.statement import Statement
from billing.ports import IngestStore, SnapshotStore
from billing.statements.drafts import Statements
from shared.clock import WallClock
from shared.contracts.envelope import Event
from shared.contracts.topics import Topic
from shared.period import Month
from shared.scope import Scope
from tests.support.recharges import (
    ASHBY,
    GRADUATED,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    agreement,
    by_shard,
    catalogue_events,
    records,
    tariff,
    unit,
)

MAY = Month(2026, 5)
TARIFFS = (
    tariff(GRADUATED),
    tariff(unit("4.42"), service="payroll"),
    tariff(unit("2.50"), service="ict"),
)
CATALOGUED = catalogue_events(
    ASHBY, PROVIDER, PAYABLE, ICT, PAYROLL, *TARIFFS, agreement(*(priced.id for priced in TARIFFS))
)


def feed(store: IngestStore, topic: Topic, events: Iterable[Event]) -> None:
    """Append `events` to what `topic` has brought so far."""
    for shard, belonging in by_shard(topic, events).items():
        position = store.position(shard)
        ingest(store, shard, records(belonging, first=position or 0), expected=position)


def statement_of(store: SnapshotStore, month: Month = MAY) -> Statement:
    """Ashby's statement of the month."""
    return Statements(store, WallClock()).statement(ASHBY.id, month, scope=Scope.all())


def quantities(store: SnapshotStore, month: Month = MAY) -> dict[str, Decimal]:
    """What a month's statement of Ashby counts, by service."""
    return {
        charges.service.id: sum((line.quantity for line in charges.lines), Decimal(0))
        for charges in statement_of(store, month).services
    }
