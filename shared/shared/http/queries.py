"""Path and query parameters, read strictly: an unknown, repeated or partly valid one is refused."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, get_args

from fastapi import Depends, Path, Query
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from starlette.requests import Request

from shared.contracts.scalars import END_OF_TEXT, ID_PATTERN
from shared.faults import MAX_LISTED
from shared.http.access import Caller
from shared.http.problem_types import INVALID_QUERY
from shared.http.problems import Problem, cut
from shared.period import EXPECTED_MONTH, MONTH_PATTERN, YEARS, InvalidMonth, Month, PeriodLength, period_of
from shared.scope import Scope

_EXPECTED_DATE = f"expected a date like 2026-04-01, of {YEARS[0]} to {YEARS[-1]}"
_EXPECTED_INSTANT = f"expected an instant like 2026-04-01T09:00:00Z, of {YEARS[0]} to {YEARS[-1]}"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _digits(text: object) -> object:
    """Text of plain digits alone: pydantic would also take `+5`, `1_0`, spaces and `5.0`."""
    if isinstance(text, str) and not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ValueError("expected a whole number in plain digits")
    return text


# After the bounds of its number, which OpenAPI would not show otherwise.
PLAIN_DIGITS = BeforeValidator(_digits)


def _flag(text: object) -> object:
    """`true` or `false` alone: pydantic would also take `yes`, `1` and `on`."""
    if isinstance(text, str) and text not in {"true", "false"}:
        raise ValueError("expected true or false")
    return text


FlagParameter = Annotated[bool, BeforeValidator(_flag)]


def _read_date(text: object) -> date:
    if isinstance(text, str) and _DATE.fullmatch(text):
        with suppress(ValueError):
            day = date.fromisoformat(text)
            if day.year in YEARS:
                return day
    raise ValueError(_EXPECTED_DATE)


def _read_instant(text: object) -> datetime:
    with suppress(ValueError):
        instant = datetime.fromisoformat(str(text))
        if instant.tzinfo is not None and instant.year in YEARS:
            return instant.astimezone(UTC)
    raise ValueError(_EXPECTED_INSTANT)


def _read_month(text: object) -> Month:
    try:
        return Month.parse(str(text))
    except InvalidMonth:
        raise ValueError(EXPECTED_MONTH) from None  # what was sent is not repeated


# Pydantic alone would also take seconds since 1970 for a date or an instant.
_YEAR = "20[0-9]{2}"
DateParameter = Annotated[
    date,
    BeforeValidator(_read_date),
    WithJsonSchema({"type": "string", "format": "date", "pattern": f"^{_YEAR}-[0-9]{{2}}-[0-9]{{2}}$"}),
]
InstantParameter = Annotated[
    datetime,
    BeforeValidator(_read_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_YEAR}-"}),
]
MonthParameter = Annotated[
    Month,
    PlainValidator(_read_month),
    WithJsonSchema({"type": "string", "pattern": f"^{MONTH_PATTERN}$", "description": "for example 2026-03"}),
]
PeriodParameter = Annotated[
    PeriodLength, Query(alias="period", description="with `month`: the period of this kind in which it lies")
]
# As `shared.contracts.scalars.ID_PATTERN`, in the dialect of pydantic's engine, whose `$` is the end of the text.
_ID_PATTERN = f"{ID_PATTERN.removesuffix(END_OF_TEXT)}$"
PathId = Annotated[str, Path(pattern=_ID_PATTERN)]
OptionalId = Annotated[str | None, Query(pattern=_ID_PATTERN)]


async def caller_scope(caller: Caller) -> Scope:
    """The councils that the caller may see."""
    return caller.scope


# The councils that the caller may see: every route that reads a council's data passes it on.
CallerScope = Annotated[Scope, Depends(caller_scope)]


async def _requested_scope(caller: CallerScope, council: OptionalId = None) -> Scope:
    """What the caller may see, or of that the one `council` that the query asks for."""
    return caller.narrowed_to(council)


RequestedScope = Annotated[Scope, Depends(_requested_scope)]


async def month_scope(request: Request, caller: CallerScope, month: MonthParameter | None = None) -> Scope:
    """What the caller may see of the month asked for, or of the `period` in which it lies: also what they inherit."""
    if month is None:
        return caller
    asked = request.query_params.get("period", "month")
    lengths: tuple[PeriodLength, ...] = get_args(PeriodLength)
    ends = [period_of(month, length).next.first.first_day for length in lengths if length == asked]
    return caller.until(ends[0] if ends else date.max)  # another length is refused by whoever reads it


# Of routes whose answer is of one month or period and of nothing else: `CallerScope`, and the past that they inherit.
MonthScope = Annotated[Scope, Depends(month_scope)]


async def _requested_month_scope(scope: MonthScope, council: OptionalId = None) -> Scope:
    return scope.narrowed_to(council)


RequestedMonthScope = Annotated[Scope, Depends(_requested_month_scope)]


# What comes back from another party may hold parameters that only later standards name: they are ignored.
_ANY_PARAMETERS = frozenset({"/sign-in/return"})


async def reject_unknown_parameters(request: Request) -> None:
    """Raises a 400 where the query holds a parameter twice, or one that the path does not document."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute) or route.path in _ANY_PARAMETERS:
        return
    given = [name for name, _ in request.query_params.multi_items()]
    known = _declared(route.dependant)
    if len(set(given)) < len(given):
        raise Problem(INVALID_QUERY, "a parameter is given more than once")
    if unknown := [name for name in given if name not in known]:
        expected = f"expected only {', '.join(sorted(known))}" if known else "expected no parameters"
        faults = {cut(name): "there is no such parameter" for name in unknown[:MAX_LISTED]}
        raise Problem(INVALID_QUERY, expected, parameters=faults)


def _declared(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_declared, dependant.dependencies))
