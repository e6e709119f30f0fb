"""Price indexes: published figures with their source, and the clause by which a tariff's prices follow them.

`shared.contracts.uplift` works out what a clause comes to.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.scalars import END_OF_TEXT, Id, MonthText, Title
from shared.faults import Fault, repeats
from shared.period import Month

IndexValue = Annotated[
    str,
    Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?" + END_OF_TEXT, description="a decimal above 0, as a string: '138.9'"),
]
ChangePercent = Annotated[
    str,
    Meta(
        pattern=r"^-?[0-9]{1,4}(\.[0-9]{1,6})?" + END_OF_TEXT, description="a percentage as a decimal string: '5', '-2'"
    ),
]
Places = Annotated[int, Meta(ge=0, le=6)]
_FEBRUARY, _LEAP_DAY = 2, 29
_WHOLE_PERCENT = 100


class IndexFigure(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was published for a month: the value, on which day, and where it can be read."""

    period: MonthText
    value: IndexValue
    published: date
    source: Title


class UpliftClause(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """From `applies_from` on prices change as the index did from the month `base` to the month `reference`.

    The change is rounded half up to `percent_places` and then kept within the collar and the cap, its least and its
    most; each new price is rounded half up to `price_places`. `charges` names those that follow the index: without it
    all do, and the tariff's maximum and minimum with them.
    """

    index: Id
    base: MonthText
    reference: MonthText
    applies_from: date
    percent_places: Places
    price_places: Places
    cap_percent: ChangePercent | None = None
    collar_percent: ChangePercent | None = None
    charges: Annotated[tuple[Title, ...], Meta(max_length=100)] = ()


def figure_faults(figures: Sequence[IndexFigure]) -> Iterator[Fault]:
    """Figures that are out of order, of 0, or published before their month began."""
    periods = [figure.period for figure in figures]
    repeated = repeats(periods)
    for index, figure in enumerate(figures):
        if index in repeated:
            yield Fault(("figures", index, "period"), "has a figure already: a corrected one takes its place")
        elif index and figure.period < periods[index - 1]:
            yield Fault(("figures", index, "period"), "expected a month after that of the figure before")
        if not figure.value.strip("0."):
            yield Fault(("figures", index, "value"), "expected more than 0")
        if figure.published < Month.parse(figure.period).first_day:
            yield Fault(("figures", index, "published"), "is before its month began")


def clause_faults(clause: UpliftClause, *, since: date) -> Iterator[Fault]:
    """What is wrong with the clause of a tariff version that takes effect on `since`, but for its charges' names."""
    if clause.reference <= clause.base:
        yield Fault(("reference",), "expected a month after base")
    if clause.applies_from <= since:
        yield Fault(("applies_from",), "expected a date after effective_from: until then these prices are in force")
    if (clause.applies_from.month, clause.applies_from.day) == (_FEBRUARY, _LEAP_DAY):
        yield Fault(("applies_from",), "is in leap years only: the clause moves on by a year")
    yield from limit_faults(clause.collar_percent, clause.cap_percent)


def limit_faults(collar_percent: str | None, cap_percent: str | None) -> Iterator[Fault]:
    """A least change above the most, or a most by which prices would fall below 0."""
    if cap_percent is not None and Decimal(cap_percent) < -_WHOLE_PERCENT:
        yield Fault(("cap_percent",), "expected at least -100: prices would be below 0")
    elif collar_percent is not None and cap_percent is not None and Decimal(collar_percent) > Decimal(cap_percent):
        yield Fault(("collar_percent",), "expected at most cap_percent")
