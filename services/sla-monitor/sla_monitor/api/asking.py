"""What the routes share: their parameters, and how their answers are described."""

from typing import Annotated, Any

from fastapi import Query

from shared.http import schema_ref
from shared.period import PeriodLength

IdOrNone = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
OverParameter = Annotated[
    PeriodLength, Query(alias="period", description="with `month`: the period of this kind in which it lies")
]


def answers(body: type) -> dict[int | str, dict[str, Any]]:
    """The description of a 200 with one `body`."""
    return _described(schema_ref(body))


def answers_many(body: type) -> dict[int | str, dict[str, Any]]:
    """The description of a 200 with a list of `body`."""
    return _described({"type": "array", "items": schema_ref(body)})


def _described(schema: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": {"application/json": {"schema": schema}}}}
