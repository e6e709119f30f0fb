"""How much of each service councils ask for, and how long it takes. Every figure here is illustrative.

`a_year` is what all councils of a service ask for together; they share it by weight, so that each example makes about
the same number of events whatever the size of its councils. Durations are medians in hours of work, chosen
against the default targets so that most are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from shared.contracts.definitions import Council, Service

Months = tuple[float, ...]

_EVEN: Months = (1.0,) * 12
# January to December, as multiples of an ordinary month. The financial year ends in March.
_SPENDING: Months = (0.95, 1.05, 1.5, 0.75, 0.9, 1.0, 0.95, 0.85, 1.0, 1.0, 1.05, 0.9)
_HIRING: Months = (1.2, 1.05, 1.0, 1.1, 1.0, 0.95, 0.9, 0.75, 1.3, 1.1, 0.95, 0.6)
_SUPPORT: Months = (1.15, 1.0, 1.0, 1.0, 0.95, 0.95, 0.9, 0.8, 1.15, 1.1, 1.1, 0.8)
_SCHOOL: Months = (1.3, 1.1, 1.1, 1.2, 0.9, 0.8, 0.6, 0.5, 1.5, 1.5, 1.0, 0.6)


@dataclass(frozen=True, slots=True)
class Tickets:
    """Requests that are answered and then resolved."""

    a_year: int
    respond_h: float
    resolve_h: float
    months: Months = _EVEN


@dataclass(frozen=True, slots=True)
class Work:
    """Pieces of work of some units each. `due_in_h`: each carries a deadline so many working hours after it came."""

    a_year: int
    start_h: float
    finish_h: float
    units: tuple[int, int] = (1, 1)
    months: Months = _EVEN
    month_end: float = 1.0  # arrivals on the last four days of a month, as a multiple of an ordinary day's
    due_in_h: float | None = None


@dataclass(frozen=True, slots=True)
class Readings:
    """Quantities sent each month (on the 25th) or each week (on Friday): so many units for each unit of weight."""

    every: Literal["month", "week"]
    for_each_weight: float


@dataclass(frozen=True, slots=True)
class Demand:
    """All that councils ask of one service, and when somebody works on it (hours of a working day)."""

    tickets: Tickets | None = None
    work: Work | None = None
    readings: Readings | None = None
    staffed_h: tuple[int, int] = (9, 17)


_DEMAND: Mapping[str, Demand] = {
    "accounts-payable": Demand(work=Work(540, 6, 22, (2, 16), _SPENDING, 1.6)),
    "billing": Demand(work=Work(350, 2, 6, (5, 40), _SPENDING, 1.3)),
    "debt-administration": Demand(work=Work(180, 8, 50)),
    "e-procurement": Demand(work=Work(300, 1.5, 4, (1, 6), _SPENDING)),
    "absence-recording": Demand(work=Work(270, 2, 3.5, (1, 4), _HIRING)),
    "employee-records": Demand(work=Work(230, 5, 10, (1, 3))),
    "expense-processing": Demand(work=Work(260, 4, 9, (1, 8), month_end=2.2)),
    "health-and-safety": Demand(tickets=Tickets(200, 0.8, 17)),
    "management-administration": Demand(tickets=Tickets(180, 1.5, 9)),
    "payroll": Demand(work=Work(60, 2, 6.5, month_end=1.5, due_in_h=40), readings=Readings("month", 35)),
    "pensions-administration": Demand(work=Work(130, 8, 25), readings=Readings("month", 45)),
    "recruitment": Demand(work=Work(170, 4, 14, (1, 2), _HIRING)),
    "starters-and-leavers": Demand(work=Work(190, 3, 7, months=_HIRING)),
    "timesheets": Demand(work=Work(230, 2, 4, (10, 60))),
    "training": Demand(work=Work(160, 5, 12, (1, 12), _HIRING)),
    "ict": Demand(tickets=Tickets(700, 0.5, 4, _SUPPORT), staffed_h=(8, 18)),
    "education": Demand(tickets=Tickets(1300, 1.5, 8.5, _SCHOOL), work=Work(1630, 10, 38, months=_SCHOOL)),
    "senior-management": Demand(work=Work(60, 8, 25, due_in_h=80), readings=Readings("week", 0.35)),
    "research-and-development": Demand(work=Work(90, 20, 110, (3, 15))),
}

# About the residents in tens of thousands, rounded; any other council weighs as much as a middling district.
_WEIGHTS: Mapping[str, int] = {
    "E07000223": 6,  # Adur
    "E07000229": 11,  # Worthing
    "E07000034": 10,  # Chesterfield
    "E07000033": 8,  # Bolsover
    "E07000038": 10,  # North East Derbyshire
    "E10000018": 71,  # Leicestershire
    "E06000018": 34,  # Nottingham
    "E09000033": 27,  # Westminster
    "E09000013": 18,  # Hammersmith and Fulham
}
_MIDDLING = 10

# A fortnight of February in which ICT goes badly: more tickets, slower work, long outages.
_TROUBLED_SERVICE = "ict"
_TROUBLE = ((2, 2), (2, 15))


def demand_of(service: Service) -> Demand:
    """What councils ask of `service`; one that is not in the table gets a middling amount of what meters it."""
    known = _DEMAND.get(service.id)
    if known is not None:
        return known
    match service.counted_by:
        case "work-completed":
            return Demand(work=Work(400, 4, 12))
        case "tickets-resolved":
            return Demand(tickets=Tickets(400, 1, 8))
        case _:  # also what a meter of its own counts: the demo sends no more than a reading
            return Demand(readings=Readings("month", 20))


def weight_of(council: Council) -> int:
    """How large the council is beside the others."""
    return _MIDDLING if council.gss is None else _WEIGHTS.get(council.gss, _MIDDLING)


def in_trouble(service: str, day: date) -> bool:
    """Whether `service` is going badly on `day`."""
    first, last = _TROUBLE
    return service == _TROUBLED_SERVICE and first <= (day.month, day.day) <= last
