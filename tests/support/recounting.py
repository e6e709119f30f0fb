"""A catalogue in which all that usage can depend on decides a charge, and histories of events that try it all."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import msgspec
from msgspec.structs import replace

from billing.store.sql import SqlStore
from shared.contracts.charges import (
    Charge,
    ChargeLimit,
    ChargeTerms,
    CostPlusCharge,
    MatrixCharge,
    MatrixPrice,
    PercentageCharge,
    Waiver,
)
from shared.contracts.definitions import Service, Tariff
from shared.contracts.envelope import Event, ItemEvent
from shared.contracts.items import (
    FactWithdrawn,
    NewItemData,
    PausedData,
    ReclassifiedData,
    ReprioritisedData,
    TicketEvent,
    TicketReclassified,
    TicketReprioritised,
    WorkPaused,
    WorkReclassified,
)
from shared.contracts.meters import Meter
from shared.contracts.topics import TICKETS, USAGE, VERDICTS, WORK, Topic
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent
from tests.support.billing_feed import feed
from tests.support.credits import agreement_with_credits, breached, corrected, met, retracted, target
from tests.support.recharges import (
    ASHBY,
    ICT,
    PAYABLE,
    PAYROLL,
    PROVIDER,
    SOURCE,
    adjusted,
    catalogue_events,
    completed,
    opened,
    received,
    recorded,
    resolved,
    reversed_,
    tariff,
    unit,
    withdrawn,
)

_BY_PRIORITY = MatrixCharge(
    name="By priority",
    prices=(
        MatrixPrice(when={"priority": ("high",)}, price_gbp="2.5"),
        MatrixPrice(when={"site": ("north",)}, price_gbp="1.5"),
    ),
    otherwise_gbp="0.333",
)
_CHARGES: dict[str, Charge] = {
    PAYABLE.id: _BY_PRIORITY,
    ICT.id: PercentageCharge(name="Share", percent="2.5", fixed_gbp="0.1"),
    PAYROLL.id: unit("4.42"),
    "enquiries": CostPlusCharge(name="Cost", markup_percent="3.333"),
    "grades": MatrixCharge(
        name="By grade", prices=(MatrixPrice(when={"grade": ("a",)}, price_gbp="3"),), otherwise_gbp="0.5"
    ),
    "seats": unit("10.00"),
    "peak": unit("7.77"),
    "desk": unit("0.5"),
    "pauses": unit("0.25"),
}
_OWN_METERS: dict[str, dict[str, Any]] = {
    "seats": {"event": "tallystick.usage.recorded.v1", "aggregate": "time-weighted-average", "reading_unit": "payslip"},
    "peak": {"event": "tallystick.usage.recorded.v1", "aggregate": "max", "when": {"grade": ["a"]}},
    "desk": {"event": "tallystick.ticket.opened.v1", "aggregate": "count", "when": {"priority": ["normal"]}},
    "pauses": {"event": "tallystick.work.paused.v1", "aggregate": "count", "once_per_item": True},
}


def _service(id_: str) -> Service:
    base = {PAYABLE.id: PAYABLE, ICT.id: ICT, PAYROLL.id: PAYROLL}.get(id_)
    if base is not None:
        return base
    own = _OWN_METERS.get(id_)
    counted_by = {"enquiries": "work-completed", "grades": "readings"}.get(id_) if own is None else own
    return replace(PAYROLL, id=id_, name=id_, counted_by=msgspec.convert(own, Meter) if own else counted_by)


def _tariff(service: str, charge: Charge) -> Tariff:
    priced = tariff(charge, service=service)
    if service != PAYABLE.id:
        return priced
    waiver = Waiver(name="Own error", when={"outcome": ("error",)})
    return replace(priced, terms=ChargeTerms(waivers=(waiver,), maximum=ChargeLimit(gbp="40")))


SERVICES = tuple(_service(id_) for id_ in _CHARGES)
_TARIFFS = tuple(_tariff(service, charge) for service, charge in _CHARGES.items())
TARGETS = (target("ict-response", ICT.id), target("invoices", PAYABLE.id))
CATALOGUE_OF_ALL = catalogue_events(
    ASHBY,
    PROVIDER,
    *SERVICES,
    *_TARIFFS,
    agreement_with_credits(*TARGETS, tariffs=tuple(each.id for each in _TARIFFS), year_gbp="30"),
)

# Around the end of May and of June, when London is an hour ahead of UTC; and one time half a year before.
_ENDS = datetime(2026, 5, 31, 23, tzinfo=UTC), datetime(2026, 6, 30, 23, tzinfo=UTC)
_BEFORE = "2026-03-29T00:59:59+00:00"
_OF_WORK, _OF_TICKETS = (PAYABLE.id, "enquiries", "pauses"), (ICT.id, "desk")
_OF_READINGS = (PAYROLL.id, "grades", "seats", "peak")
_OTHERS = ("unknown", PAYABLE.id, PAYROLL.id, ICT.id)
_CHANGED: tuple[dict[str, str | None], ...] = ({"site": "north"}, {"site": None}, {"value": "7"})
_OTHER_SOURCE = "/councils/ashby/systems/other"


def history_of_all_kinds(chance: random.Random) -> list[Event]:
    """Events of two months around their ends: of two streams with one item id, some withdrawn, and verdicts."""
    numbers = count()
    names = ["a", "b", "c", "d"][: chance.randrange(1, 5)]
    items = [event for name in names for is_work in (True, False) for event in _item(chance, numbers, name, is_work)]
    gone = [withdrawn(each, _moment(chance)) for each in items if chance.random() < 0.1]
    readings = [event for _ in range(chance.randrange(12)) for event in _reading(chance, numbers)]
    return [*items, *gone, *readings, *(_verdict(chance, numbers) for _ in range(chance.randrange(10)))]


def _moment(chance: random.Random) -> str:
    if chance.random() < 0.1:
        return _BEFORE
    return (chance.choice(_ENDS) + timedelta(minutes=15 * chance.randrange(-100, 100))).isoformat()


def _item(chance: random.Random, numbers: Iterator[int], item: str, is_work: bool) -> Iterator[ItemEvent]:
    """What happens to an item: mostly it is opened, changed and ended, sometimes twice, in any order of time."""
    services = _OF_WORK if is_work else _OF_TICKETS
    for _ in range(chance.choice((0, 1, 1, 1, 1, 2))):
        begun = received(item, _moment(chance)) if is_work else opened(item, _moment(chance))
        data = NewItemData(
            service=chance.choice((*services, *services, *_OTHERS)),
            priority=chance.choice(("normal", "high")),
            attributes=chance.choice(({}, {"site": "north"}, {"site": "south", "value": "9"})),
            value_pence=chance.choice((None, 1234, -5)),
        )
        yield replace(begun, id=f"{next(numbers)}", data=data)
    for _ in range(chance.randrange(3)):
        yield _change(chance, f"{next(numbers)}", item, is_work)
    for _ in range(chance.choice((0, 1, 1, 2))):
        ended = completed(item, _moment(chance), units=_amount(chance)) if is_work else resolved(item, _moment(chance))
        outcome = replace(ended.data, outcome=chance.choice(("done", "error")))
        yield replace(ended, id=f"{next(numbers)}", data=outcome)


def _change(chance: random.Random, id_: str, item: str, is_work: bool) -> ItemEvent:
    like = resolved(item, _moment(chance))
    about: dict[str, Any] = {
        "id": id_,
        "source": SOURCE,
        "time": like.time,
        "council": like.council,
        "subject": like.subject,
    }
    data = chance.choice(
        (
            ReclassifiedData(service=chance.choice((*_OF_WORK, *_OF_TICKETS))),
            ReclassifiedData(attributes=chance.choice(_CHANGED)),
            ReclassifiedData(priority="high"),
        )
    )
    if is_work:
        paused = WorkPaused(**about, data=PausedData(reason="waiting", awaiting="council"))
        return chance.choice((WorkReclassified(**about, data=data), paused))
    urgent = TicketReprioritised(**about, data=ReprioritisedData(priority="high"))
    return chance.choice((TicketReclassified(**about, data=data), urgent))


def _reading(chance: random.Random, numbers: Iterator[int]) -> Iterator[ItemEvent]:
    """A reading with what corrects it: mostly of its own service; now and then the reading itself never comes."""
    name, service = f"r-{next(numbers)}", chance.choice((*_OF_READINGS, *_OF_READINGS, *_OTHERS))
    reading = recorded(
        name,
        _moment(chance),
        _amount(chance),
        service=service,
        day=chance.choice((None, None, "2026-05-31", "2026-06-01")),
        unit=chance.choice((None, None, "payslip", "hour")),
        attributes=chance.choice(({}, {"grade": "a"}, {"grade": "b"})),
    )
    if chance.random() < 0.9:
        yield replace(reading, source=chance.choice((SOURCE, SOURCE, _OTHER_SOURCE)))
    for _ in range(chance.choice((0, 0, 0, 1, 2))):
        about = chance.choice((service, service, service, PAYROLL.id))
        signed = chance.choice(("-1", "2.5", "-40.5"))
        yield adjusted(name, _moment(chance), signed, service=about, id=f"{next(numbers)}-adjusted")
    if chance.random() < 0.2:
        yield reversed_(name, _moment(chance), service=chance.choice((service, service, PAYROLL.id)))


def _amount(chance: random.Random) -> str:
    return chance.choice(("0", "1", "2.5", "0.000001", "13"))


def _verdict(chance: random.Random, numbers: Iterator[int]) -> VerdictEvent:
    aim, item = chance.choice(TARGETS), chance.choice(("a", "b", "c", "d", "e", "f"))
    about = {"target": aim.id, "service": aim.service, "month": chance.choice(("2026-05", "2026-06"))}
    id_ = f"v-{next(numbers)}"
    kind = chance.randrange(6)
    if kind < 2:
        return met(item, id=id_, value_pence=chance.choice((None, 500)), **about)
    if kind < 4:
        return breached(item, id=id_, **about)
    return corrected(item, "met", id=id_, **about) if kind == 4 else retracted(item, id=id_, **about)


def arrive_in_any_order(store: SqlStore, history: Sequence[Event], chance: random.Random) -> None:
    """The history is in the store, in any order and with repetitions, in two batches a topic."""
    arriving = [*history, *chance.choices(history, k=chance.randrange(5))]
    chance.shuffle(arriving)
    for topic in (TICKETS, WORK, USAGE, VERDICTS):
        of_topic = [event for event in arriving if _topic_of(event) == topic]
        cut = chance.randrange(len(of_topic) + 1)
        for part in (of_topic[:cut], of_topic[cut:]):
            if part:
                feed(store, topic, part)


def _topic_of(event: Event) -> Topic:
    if isinstance(event, FactWithdrawn):
        return TICKETS if event.data.stream == "ticket" else WORK
    if isinstance(event, UsageEvent):
        return USAGE
    if isinstance(event, VerdictEvent):
        return VERDICTS
    return TICKETS if isinstance(event, TicketEvent) else WORK
