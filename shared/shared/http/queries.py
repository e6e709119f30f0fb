"""Paths and queries, read strictly: no unknown, repeated or half-right parameter slips through."""

import re
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import Path
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BeforeValidator, PlainValidator, WithJsonSchema
from starlette.requests import Request

from shared.http.problem_types import INVALID_QUERY
from shared.http.problems import Problem
from shared.period import MONTH_PATTERN, YEARS, Month

_EXPECTED_MOMENT = f"expected an instant like 2026-04-01T09:00:00Z, {YEARS[0]} to {YEARS[-1]}"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def _read_day(text: object) -> date:
    if isinstance(text, date):
        return text
    if not isinstance(text, str) or not _DAY.fullmatch(text):
        raise ValueError("expected a date like 2026-04-01")
    return date.fromisoformat(text)


def _read_moment(text: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise ValueError(_EXPECTED_MOMENT) from None
    if moment.tzinfo is None or moment.year not in YEARS:
        raise ValueError(_EXPECTED_MOMENT)
    return moment.astimezone(UTC)


def _read_month(text: object) -> Month:
    return text if isinstance(text, Month) else Month.parse(str(text))


# Pydantic alone would also take seconds since 1970 for a date or an instant.
DateParameter = Annotated[date, BeforeValidator(_read_day)]
InstantParameter = Annotated[datetime, BeforeValidator(_read_moment)]
MonthParameter = Annotated[
    Month,
    PlainValidator(_read_month),
    WithJsonSchema({"type": "string", "pattern": f"^{MONTH_PATTERN}$", "description": "for example 2026-03"}),
]
# As shared.contracts.envelope.ID_PATTERN, in the dialect of pydantic's engine, whose `$` is the end of the text.
PathId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


async def reject_unknown_parameters(request: Request) -> None:
    """Raises a 400 where the query holds a parameter twice, or one that the path does not document."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    given = [name for name, _ in request.query_params.multi_items()]
    known = _declared(route.dependant)
    if len(set(given)) < len(given):
        raise Problem(INVALID_QUERY, "a parameter is given more than once")
    if not known.issuperset(given):
        raise Problem(INVALID_QUERY, f"expected only {', '.join(sorted(known))}" if known else "expected no parameters")


def _declared(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*map(_declared, dependant.dependencies))
