"""What the monitor's routes share: their parameters, and the description of their answers."""

from typing import Annotated, Any

from fastapi import Depends, Query

from shared.http import OptionalId, schema_ref
from shared.period import PeriodLength
from shared.scope import Scope

PeriodParameter = Annotated[
    PeriodLength, Query(alias="period", description="with `month`: the period of this kind in which it lies")
]


async def requested_scope(council: OptionalId = None) -> Scope:
    """Every council, or the one that was asked for: until callers sign in, each of them may see all councils."""
    return Scope.all().narrowed_to(council)


InScope = Annotated[Scope, Depends(requested_scope)]


def answers(body: type) -> dict[int | str, dict[str, Any]]:
    """The description of a 200 with one `body`."""
    return _described(schema_ref(body))


def answers_many(body: type) -> dict[int | str, dict[str, Any]]:
    """The description of a 200 with a list of `body`."""
    return _described({"type": "array", "items": schema_ref(body)})


def _described(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"schema": schema}}}}
