"""Small catalogues, events and records for tests of recharges. Every council, price and figure is made up."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from billing.domain.terms import DefinitionVersions, TariffPeriod, Terms
from billing.domain.usage import MeteredUsage, Usage
from shared.contracts import catalogue as changes
from shared.contracts.charges import Charge, GraduatedCharge, StandingCharge, Tier, UnitCharge
from shared.contracts.codec import encode_event
from shared.contracts.definitions import Agreement, AnyDefinition, Council, PriceIndex, Provider, Service, Tariff
from shared.contracts.envelope import Event, ItemEvent
from shared.contracts.items import (
    CompletedData,
    FactWithdrawn,
    NewItemData,
    ReclassifiedData,
    TicketOpened,
    TicketResolved,
    WithdrawnFactData,
    WorkCompleted,
    WorkReceived,
    WorkReclassified,
)
from shared.contracts.meters import NamedMeter
from shared.contracts.scalars import Stream
from shared.contracts.topics import Topic
from shared.contracts.usage import AdjustmentData, ReversalData, UsageAdjusted, UsageData, UsageRecorded, UsageReversed
from shared.contracts.versions import DefinitionVersion
from shared.log.partitioner import partition_of
from shared.log.port import Record, Shard
from shared.units import EpochMillis, ItemId, Offset

D = TypeVar("D", Council, Service, Provider, Agreement, Tariff)
N = TypeVar("N", bound=AnyDefinition)

SOURCE = "/councils/ashby/systems/finance"

ASHBY = Council(id="ashby", name="Ashby", gss="E07000999", nation="england")
PROVIDER = Provider(id="joint-services", name="Joint Services")
PAYABLE = Service(
    id="accounts-payable",
    name="Accounts payable",
    group="Finance",
    unit="supplier-invoice",
    unit_name="supplier invoice",
    counted_by="work-completed",
)
ICT = Service(id="ict", name="ICT", group="ICT", unit="ticket", unit_name="ticket", counted_by="tickets-resolved")
PAYROLL = Service(id="payroll", name="Payroll", group="HR", unit="payslip", unit_name="payslip", counted_by="readings")
GRADUATED = GraduatedCharge(
    name="Transactions",
    tiers=(
        Tier(up_to=10, price_gbp="1.00"),
        Tier(up_to=20, price_gbp="0.50"),
        Tier(price_gbp="0.0375"),
    ),
)


def standing(monthly_gbp: str) -> StandingCharge:
    """A fixed charge for each month."""
    return StandingCharge(name="Standing charge", monthly_gbp=monthly_gbp)


def unit(price_gbp: str) -> UnitCharge:
    """One price for every unit."""
    return UnitCharge(name="Each", price_gbp=price_gbp)


def tariff(
    *charges: Charge,
    service: str = PAYABLE.id,
    since: str = "2020-01-01",
    continues: bool = False,
    id: str | None = None,
) -> Tariff:
    """A tariff of `service`, by default called after it."""
    return Tariff(
        id=id or f"{service}-tariff",
        service=service,
        name=f"Tariff for {service}",
        charges=charges,
        on_change="continue" if continues else "restart",
        effective_from=date.fromisoformat(since),
    )


def agreement(*tariffs: str, since: str = "2020-01-01", until: str | None = None, council: str = ASHBY.id) -> Agreement:
    """An agreement of `council` that names tariffs by their ids."""
    return Agreement(
        id=f"{council}-agreement",
        council=council,
        provider=PROVIDER.id,
        title="Shared services",
        effective_from=date.fromisoformat(since),
        effective_to=None if until is None else date.fromisoformat(until),
        tariffs=tariffs,
    )


def terms(*agreements: Agreement, tariffs: Sequence[Tariff], councils: Sequence[Council] = (ASHBY,)) -> Terms:
    """A catalogue; definitions of one id are its versions 1, 2, … in the order given."""
    return Terms(
        councils=DefinitionVersions([DefinitionVersion(1, council) for council in councils]),
        services=DefinitionVersions([DefinitionVersion(1, service) for service in (PAYABLE, ICT, PAYROLL)]),
        providers=DefinitionVersions([DefinitionVersion(1, PROVIDER)]),
        agreements=DefinitionVersions(list(_numbered(agreements))),
        tariffs=DefinitionVersions(list(_numbered(tariffs))),
    )


def tariff_period(tariff: Tariff, first: str, end: str, *, version: int = 1) -> TariffPeriod:
    """The days `[first, end)` priced by a tariff's version."""
    return TariffPeriod(
        "ashby-agreement", DefinitionVersion(version, tariff), date.fromisoformat(first), date.fromisoformat(end)
    )


def metered(**by_day: str) -> MeteredUsage:
    """Usage by day: `used(d2026_05_07="10")`."""
    days = {date.fromisoformat(day[1:].replace("_", "-")): Decimal(amount) for day, amount in by_day.items()}
    return MeteredUsage(days, events_counted=len(days), events_received=len(days))


def usage(
    service: str | None, day: str, quantity: str, *, meter: NamedMeter = "work-completed", events: int = 1
) -> Usage:
    """A row of counted usage."""
    return Usage(service, date.fromisoformat(day), meter, "counted", None, Decimal(quantity), events)


def received(item: str, at: str, *, service: str = PAYABLE.id, id: str | None = None) -> WorkReceived:
    """A unit of work came in."""
    return WorkReceived(
        **_envelope(id or f"{item}-received", at), subject=ItemId(item), data=NewItemData(service=service)
    )


def reclassified(item: str, at: str, *, service: str, id: str | None = None) -> WorkReclassified:
    """The unit of work is of another service."""
    return WorkReclassified(
        **_envelope(id or f"{item}-reclassified", at), subject=ItemId(item), data=ReclassifiedData(service=service)
    )


def completed(item: str, at: str, *, units: str = "1", id: str | None = None) -> WorkCompleted:
    """A unit of work is done."""
    return WorkCompleted(
        **_envelope(id or f"{item}-completed", at), subject=ItemId(item), data=CompletedData(units=units)
    )


def opened(ticket: str, at: str, *, service: str = ICT.id) -> TicketOpened:
    """A council asked for something."""
    return TicketOpened(**_envelope(f"{ticket}-opened", at), subject=ItemId(ticket), data=NewItemData(service=service))


def resolved(ticket: str, at: str, *, id: str | None = None) -> TicketResolved:
    """The provider resolved it."""
    return TicketResolved(
        **_envelope(id or f"{ticket}-resolved", at), subject=ItemId(ticket), data=CompletedData(units="7")
    )


def recorded(
    reading: str,
    at: str,
    quantity: str,
    *,
    service: str = PAYROLL.id,
    day: str | None = None,
    unit: str | None = None,
    attributes: dict[str, str] | None = None,
    id: str | None = None,
) -> UsageRecorded:
    """A quantity was recorded."""
    business_date = None if day is None else date.fromisoformat(day)
    data = UsageData(
        service=service, quantity=quantity, business_date=business_date, unit=unit, attributes=attributes or {}
    )
    return UsageRecorded(**_envelope(id or f"{reading}-recorded", at), subject=ItemId(reading), data=data)


def reversed_(reading: str, at: str, *, service: str = PAYROLL.id) -> UsageReversed:
    """A reading is reversed."""
    data = ReversalData(service=service, reversed_source=SOURCE, reversed_id=f"{reading}-recorded")
    return UsageReversed(**_envelope(f"{reading}-reversed", at), subject=ItemId(reading), data=data)


def adjusted(
    reading: str, at: str, quantity: str, *, service: str = PAYROLL.id, id: str | None = None
) -> UsageAdjusted:
    """A reading counts `quantity` more."""
    data = AdjustmentData(service=service, quantity=quantity, adjusted_source=SOURCE, adjusted_id=f"{reading}-recorded")
    return UsageAdjusted(**_envelope(id or f"{reading}-adjusted", at), subject=ItemId(reading), data=data)


_STREAMS: dict[str, Stream] = {"ticket": "ticket", "work": "work", "service": "service"}


def withdrawn(
    event: ItemEvent, at: str, *, of_source: str = SOURCE, stream: Stream | None = None, id: str | None = None
) -> FactWithdrawn:
    """What `event` states is not so."""
    of_type = str(event.__struct_config__.tag).split(".")[1]
    data = WithdrawnFactData(stream=stream or _STREAMS[of_type], withdrawn_source=of_source, withdrawn_id=event.id)
    return FactWithdrawn(**_envelope(id or f"{event.id}-withdrawn", at), subject=event.subject, data=data)


def catalogue_events(*definitions: AnyDefinition) -> list[Event]:
    """The catalogue's facts; definitions of one kind and id are its versions 1, 2, … in the order given."""
    return [_versioned(number, definition) for number, definition in _number(definitions)]


def records(events: Iterable[Event], *, first: int = 0) -> list[Record]:
    """The events as the log holds them, from offset `first` on, each sent when it happened."""
    return [_record(offset, event) for offset, event in enumerate(events, first)]


def by_shard(topic: Topic, events: Iterable[Event]) -> dict[Shard, list[Event]]:
    """The events by the shard of `topic` that their keys belong to."""
    found: dict[Shard, list[Event]] = defaultdict(list)
    for event in events:
        key = event.key if isinstance(event, ItemEvent) else event.subject
        found[Shard(topic.name, partition_of(key.encode(), topic.partitions))].append(event)
    return found


def _record(offset: int, event: Event) -> Record:
    key = event.key.encode() if isinstance(event, ItemEvent) else None
    return Record(Offset(offset), key, encode_event(event), (), EpochMillis(int(event.time.timestamp() * 1000)))


def _envelope(id_: str, at: str) -> dict[str, Any]:
    return {"id": id_, "source": SOURCE, "time": datetime.fromisoformat(at).astimezone(UTC), "council": ASHBY.id}


def _numbered(definitions: Iterable[D]) -> Iterator[DefinitionVersion[D]]:
    return (DefinitionVersion(number, definition) for number, definition in _number(definitions))


def _number(definitions: Iterable[N]) -> Iterator[tuple[int, N]]:
    seen: Counter[tuple[type, str]] = Counter()
    for definition in definitions:
        seen[type(definition), definition.id] += 1
        yield seen[type(definition), definition.id], definition


def _versioned(number: int, definition: AnyDefinition) -> Event:
    event, kind = _CHANGES[type(definition)]
    name = f"{kind}:{definition.id}:{number}"
    versioned: Event = event(
        id=name,
        source="/catalogue",
        time=datetime(2020, 1, 1, tzinfo=UTC),
        subject=name,
        data=changes.VersionData(version=number, definition=definition),
    )
    return versioned


_CHANGES: dict[type, tuple[Any, str]] = {
    Council: (changes.CouncilVersioned, "council"),
    Service: (changes.ServiceVersioned, "service"),
    Provider: (changes.ProviderVersioned, "provider"),
    Agreement: (changes.AgreementVersioned, "agreement"),
    Tariff: (changes.TariffVersioned, "tariff"),
    PriceIndex: (changes.IndexVersioned, "index"),
}
