"""A deliberately simple partnership, so that an oracle of a few lines can judge it. Every figure is illustrative.

Adur's targets count in working hours and Worthing's around the clock. The days simulated hold a weekend and the end
of February, and no change of the clocks: London is on UTC throughout.
"""

from datetime import UTC, datetime

from shared.contracts.catalogue import CalendarVersioned, VersionData
from shared.contracts.charges import UnitCharge
from shared.contracts.codec import encode_event
from shared.contracts.definitions import (
    Agreement,
    AnyDefinition,
    Calendar,
    Council,
    Provider,
    Service,
    Target,
    Tariff,
    Weekday,
)
from shared.contracts.topics import CATALOGUE, DECISIONS, TICKETS, USAGE, VERDICTS, WORK, Topic
from tests.support.recharges import catalogue_events

BEGIN = datetime(2026, 2, 27, 8, 0, tzinfo=UTC)  # a Friday
COUNCILS = ("adur", "worthing")
PARTITIONS = 2


def _of(topic: Topic) -> Topic:
    return Topic(topic.name, topic.key, PARTITIONS, topic.retention_days, topic.written_by, topic.read_by)


JUDGED, METERED, ANNOUNCED = (_of(TICKETS), _of(WORK)), _of(USAGE), _of(VERDICTS)
INPUTS = (*JUDGED, METERED)
TOPICS = (*INPUTS, ANNOUNCED, CATALOGUE, DECISIONS)

_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri")
OFFICE = Calendar(id="office", name="Office", weekly=dict.fromkeys(_WEEKDAYS, ("09:00-17:00",)))
# Of each council and agreement: a resolution, a response, and the calendar by which they count.
_HOURS: dict[tuple[str, str], tuple[str, str, str | None]] = {
    ("adur", "agreement"): ("8 working hours", "2 working hours", OFFICE.id),
    ("adur", "evenings"): ("5 working hours", "3 working hours", OFFICE.id),
    ("worthing", "agreement"): ("30 hours", "4 hours", None),
    ("worthing", "evenings"): ("18 hours", "6 hours", None),
}
TARIFFS = (
    # A price that no binary fraction holds: three tickets at £1.005 are £3.015, which rounds to £3.02.
    Tariff(id="ict-tariff", service="ict", name="ICT", charges=(UnitCharge(name="Ticket", price_gbp="1.005"),)),
    Tariff(id="phones-tariff", service="phones", name="Phones", charges=(UnitCharge(name="Ticket", price_gbp="2.5"),)),
    Tariff(
        id="payroll-tariff",
        service="payroll",
        name="Payroll",
        charges=(UnitCharge(name="Payslip", price_gbp="0.0375"),),
    ),
)


def _agreements(council: str) -> list[Agreement]:
    """Two, whose targets have the same ids. The first alone names the prices."""
    return [_agreement(council, name) for of, name in _HOURS if of == council]


def _agreement(council: str, name: str) -> Agreement:
    resolve, respond, calendar = _HOURS[council, name]
    targets = (
        Target(id="resolve", service="*", measure="resolution-time", within=resolve, calendar=calendar,
               paused_by=("council",)),
        Target(id="respond", service="*", measure="response-time", within=respond, calendar=calendar, paused_by=()),
    )  # fmt: skip
    return Agreement(
        id=f"{council}-{name}",
        council=council,
        provider="joint",
        title="Illustrative",
        targets=targets,
        tariffs=tuple(tariff.id for tariff in TARIFFS) if name == "agreement" else (),
    )


# What the catalogue publishes at the beginning and what it publishes later: until then all tickets are parked.
_DEFINITIONS: tuple[AnyDefinition, ...] = (
    Provider(id="joint", name="Joint officers"),
    *(Council(id=council, name=council.title(), gss="E07000223", nation="england") for council in COUNCILS),
    Service(id="ict", name="ICT", group="ICT", unit="ticket", unit_name="ticket", counted_by="tickets-resolved"),
    Service(id="phones", name="Phones", group="ICT", unit="ticket", unit_name="ticket", counted_by="tickets-resolved"),
    Service(id="payroll", name="Payroll", group="HR", unit="payslip", unit_name="payslip", counted_by="readings"),
    *TARIFFS,
    *_agreements("adur"),
)
PUBLISHED_FIRST = [(event.subject, encode_event(event)) for event in catalogue_events(*_DEFINITIONS)]
_OFFICE_PUBLISHED = CalendarVersioned(
    id="calendar:office:1",
    source="/catalogue",
    time=datetime(2020, 1, 1, tzinfo=UTC),
    subject="calendar:office:1",
    data=VersionData(version=1, definition=OFFICE),
)
PUBLISHED_LATER = [
    (event.subject, encode_event(event)) for event in (_OFFICE_PUBLISHED, *catalogue_events(*_agreements("worthing")))
]
