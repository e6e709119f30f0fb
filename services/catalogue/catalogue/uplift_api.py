"""What a tariff's index clause comes to by now: the working, and the version to propose. Nothing is recorded."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import APIRouter
from msgspec import Struct

from catalogue.domain.versions import DefinitionKey
from catalogue.handlers import CatalogueHandlers, UnknownDefinition
from shared.auth.roles import Action
from shared.contracts.definitions import PriceIndex, Tariff
from shared.contracts.indexes import IndexFigure
from shared.contracts.uplift import FigureNotPublished, IndexChange, NoUpliftClause, UpliftedPrice, uplifted
from shared.http import CallerScope, Json, PathId, Problem, answers, refuses, requires
from shared.http.problem_types import CONFLICT, INVALID_REQUEST, NOT_FOUND
from shared.scope import Scope
from shared.validation import InvalidValue


class TariffUplift(Struct, frozen=True):
    """The working of a clause, by the newest versions of the tariff and of its index; `next` is not recorded."""

    tariff_version: int
    index_version: int
    base: IndexFigure
    reference: IndexFigure
    change: IndexChange
    prices: tuple[UpliftedPrice, ...]
    next: Tariff


def router(handlers: CatalogueHandlers) -> APIRouter:
    """`/v1/tariffs/{id}/uplift`."""
    routes = APIRouter(prefix="/v1/tariffs", tags=["tariffs"], dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/{id}/uplift", responses=answers(TariffUplift) | refuses(CONFLICT, INVALID_REQUEST))
    def get_uplift(id: PathId, caller: CallerScope) -> Json:
        """How much the index changed, what becomes of each price, and the next version to PUT; 409 without a figure."""
        with _refusals():
            return Json(_worked_out(handlers, id, caller))

    return routes


def _worked_out(handlers: CatalogueHandlers, id_: str, scope: Scope) -> TariffUplift:
    version = handlers.version(DefinitionKey("tariff", id_), scope)
    tariff = version.definition
    if not isinstance(tariff, Tariff) or tariff.uplift is None:
        raise NoUpliftClause(f"the tariff {id_} follows no index")
    published = handlers.version(DefinitionKey("index", tariff.uplift.index), scope)
    index = published.definition
    if not isinstance(index, PriceIndex):
        raise UnknownDefinition
    found = uplifted(tariff, index)
    return TariffUplift(
        tariff_version=version.number,
        index_version=published.number,
        base=found.base,
        reference=found.reference,
        change=found.change,
        prices=found.prices,
        next=found.next,
    )


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UnknownDefinition as refused:
        raise Problem(NOT_FOUND) from refused
    except (NoUpliftClause, FigureNotPublished) as refused:
        raise Problem(CONFLICT, f"{refused}.") from refused
    except InvalidValue as refused:
        raise Problem(
            CONFLICT, "The clause leads to a version that no tariff may be.", faults=refused.faults
        ) from refused
