"""Billing's routes for partnerships: what the members of one see of each other's recharges, in each form."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import Response

from billing.documents.answers import answer, file_answer
from billing.documents.forms import PARTNERSHIP_FORMS
from billing.partnerships import PartnershipMonths, UnknownPartnership
from shared.auth.roles import Action
from shared.http import MonthParameter, MonthScope, PathId, Problem, preferred_media_type, requires
from shared.http.problem_types import NOT_FOUND

_FORMS = {form.suffix: form for form in PARTNERSHIP_FORMS}
_Suffix = Annotated[str, Path(pattern="^(" + "|".join(_FORMS) + ")$")]
_MEDIA_TYPES = {form.media_type.partition(";")[0]: form for form in PARTNERSHIP_FORMS}
_MONTH: dict[int | str, dict[str, Any]] = {
    200: {"description": "What is shown of the month", "content": {media_type: {} for media_type in _MEDIA_TYPES}}
}


def router(months: PartnershipMonths) -> APIRouter:
    """The routes under /v1/partnership-recharges."""
    routes = APIRouter(
        prefix="/v1/partnership-recharges", tags=["billing"], dependencies=[requires(Action.READ_FIGURES)]
    )

    @routes.get("/{partnership}/{month}.{suffix}", responses=_MONTH)
    def get_partnership_recharges_in_form(
        caller: MonthScope, partnership: PathId, month: MonthParameter, suffix: _Suffix
    ) -> Response:
        """What the members of the partnership are charged, as far as each one's agreement shows it, as a file."""
        with _not_found():
            found = months.month(partnership, month, scope=caller)
        return file_answer(found, _FORMS[suffix], f"partnership-recharges-{partnership}-{month}.{suffix}")

    @routes.get("/{partnership}/{month}", responses=_MONTH)
    def get_partnership_recharges(
        request: Request, caller: MonthScope, partnership: PathId, month: MonthParameter
    ) -> Response:
        """The same in the form that Accept prefers."""
        form = _MEDIA_TYPES[preferred_media_type(request, tuple(_MEDIA_TYPES))]
        with _not_found():
            return answer(months.month(partnership, month, scope=caller), form)

    return routes


@contextmanager
def _not_found() -> Iterator[None]:
    try:
        yield
    except UnknownPartnership as missing:
        raise Problem(NOT_FOUND, "no partnership of that id has a council of yours in that month") from missing
