"""The home page of the local run, with what every footer and the live board link to.

Its figures come from the three services.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, PlainTextResponse

from billing.documents.view import statement_path
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.definitions import Council
from shared.contracts.objectives import Judgement
from shared.http import CallerScope, Problem, requires
from shared.http.problem_types import NOT_FOUND
from shared.period import Month, month_of
from shared.scope import Scope
from shared.web.pages import environment, site_routes
from tallystick.stack import Stack

# Beside the sources of the demo, as the gateway serves it on servers: without a copy of the repository there is none.
DOCS = Path(__file__).parents[4] / "docs"


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A council's statement of the month. `href` is its address without a suffix."""

    council: str
    total_pence: int
    href: str


@dataclass(frozen=True, slots=True)
class AttainmentRow:
    """A council's month: targets `met` of `judged`, and items `good` of `total`."""

    council: str
    met: int
    judged: int
    good: int
    total: int


@dataclass(frozen=True, slots=True)
class HomePage:
    """What the page shows: the newest month that has ended with any verdict in it; None where there is none yet.

    While `evaluating`, figures are still to come: the page says so and reloads itself.
    """

    partnership: str
    month: Month | None
    statements: Sequence[StatementRow] = ()
    attainment: Sequence[AttainmentRow] = ()
    evaluating: bool = False


def home_page_of(stack: Stack, clock: Clock, scope: Scope, *, partnership: str, evaluating: bool) -> HomePage:
    """The page as the services of `stack` know it now, of the councils in scope. May block."""
    from sla_monitor.reports.attainment import months_decided

    present = month_of(clock.now())
    ended = [month for month in months_decided(stack.monitor.sources, scope) if month < present]
    if not ended:
        return HomePage(partnership, None, evaluating=evaluating)
    return page_of_month(stack, ended[-1], scope, partnership=partnership, evaluating=evaluating)


def page_of_month(stack: Stack, month: Month, scope: Scope, *, partnership: str, evaluating: bool = False) -> HomePage:
    """The page with that month's figures, of the councils in scope. May block."""
    statements = [
        StatementRow(each.council.name, each.payable_pence, statement_path(each.council.id, month))
        for each in stack.billing.statements.statements(month, scope=scope).statements
    ]
    return HomePage(partnership, month, statements, list(_attainment(stack, month, scope)), evaluating)


def _attainment(stack: Stack, month: Month, scope: Scope) -> Iterator[AttainmentRow]:
    from sla_monitor.reports.periods import attainments

    found = attainments(stack.monitor.sources, scope, month=month)
    for council, held in groupby(found, key=lambda row: row.counts.council):
        rows = list(held)
        judgements = [row.judgement for row in rows]
        yield AttainmentRow(
            council=stack.monitor.sources.catalogue.name(Council, council),
            met=judgements.count(Judgement.MET),
            judged=judgements.count(Judgement.MET) + judgements.count(Judgement.MISSED),
            good=sum(row.counts.met for row in rows),
            total=sum(row.counts.total for row in rows),
        )


def router(home_page: Callable[[Scope], HomePage]) -> APIRouter:
    """Routes for `/`, `/accessibility`, `/licences` and `/assets/…`; every figure is marked as illustrative."""
    routes = APIRouter(include_in_schema=False)
    template = environment("tallystick").get_template("home.html")

    @routes.get("/", response_class=HTMLResponse, dependencies=[requires(Action.READ_FIGURES)])
    def home(caller: CallerScope) -> str:
        return template.render(page=home_page(caller), illustrative=True)

    routes.include_router(site_routes())
    return routes


def documents_router(docs: Path = DOCS) -> APIRouter:
    """`/docs/…`: every page of Markdown that is in `docs` as the demo starts, for whoever is signed in."""
    routes = APIRouter(include_in_schema=False, dependencies=[requires(Action.READ_FIGURES)])
    pages = {path.relative_to(docs).as_posix(): path for path in docs.rglob("*.md")}

    @routes.get("/docs/{page:path}", response_class=PlainTextResponse)
    def document(page: str) -> str:
        if page not in pages:
            raise Problem(NOT_FOUND)
        return pages[page].read_text(encoding="utf-8")

    return routes
