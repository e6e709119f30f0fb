"""The monitor's pages: a month's attainment, and one item with the picture of its clocks."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from shared.contracts.definitions import Council, Service
from shared.contracts.objectives import Judgement
from shared.http import MonthParameter, PathId, Problem
from shared.http.problem_types import NOT_FOUND
from shared.scope import Scope
from shared.web.pages import environment
from sla_monitor.domain.attainment import met_by_floor
from sla_monitor.http import InScope
from sla_monitor.page_models import AttainmentPage, CouncilAttainment, ItemPage, TargetRow, VerdictPart
from sla_monitor.reports.attainment import attainment_result, months_decided, newest_month
from sla_monitor.reports.item_report import ItemAnswer, item_report
from sla_monitor.reports.item_text import target_text
from sla_monitor.reports.items import only_item
from sla_monitor.reports.periods import Attainment, attainments
from sla_monitor.reports.sources import Sources


def router(sources: Sources, *, illustrative: bool) -> APIRouter:
    """Routes for `/attainment` and `/items/{item}`."""
    routes = APIRouter(include_in_schema=False)
    templates = environment("sla_monitor")

    @routes.get("/attainment", response_class=HTMLResponse)
    def attainment(month: MonthParameter | None = None) -> str:
        scope = Scope.all()
        months = months_decided(sources, scope)
        shown = month or newest_month(sources, months)
        if shown is None or not months:
            raise Problem(NOT_FOUND, "nothing has been decided yet")
        rows = attainments(sources, scope, month=shown)
        page = AttainmentPage(shown, tuple(months), _councils(rows, sources), illustrative)
        return templates.get_template("attainment.html").render(page=page)

    @routes.get("/items/{item}", response_class=HTMLResponse)
    async def one_item(item: PathId, scope: InScope) -> str:
        answer = await only_item(sources, scope, item)
        return templates.get_template("item.html").render(page=_item_page(answer, sources, illustrative))

    return routes


def _councils(rows: Iterable[Attainment], sources: Sources) -> tuple[CouncilAttainment, ...]:
    by_council = groupby(rows, key=lambda row: row.counts.council)
    return tuple(
        CouncilAttainment(
            council, sources.catalogue.name(Council, council), tuple(_target_row(row, sources) for row in held)
        )
        for council, held in by_council
    )


def _target_row(row: Attainment, sources: Sources) -> TargetRow:
    within = row.counts.target if row.target is None else row.target.within
    return TargetRow(
        sources.catalogue.name(Service, row.counts.service),
        target_text(row.counts.measure, within),
        attainment_result(row),
        _always_allowed(row),
    )


def _always_allowed(row: Attainment) -> int | None:
    if row.objective is None or row.judgement is not Judgement.MET:
        return None
    return row.objective.misses_always_allowed if met_by_floor(row.counts.attained, row.objective) else None


def _item_page(answer: ItemAnswer, sources: Sources, illustrative: bool) -> ItemPage:
    body = item_report(answer)
    parts: Sequence[VerdictPart] = [
        VerdictPart(number, target_text(verdict.measure, verdict.within), verdict)
        for number, verdict in enumerate(body.verdicts, start=1)
    ]
    return ItemPage(
        item=body,
        council=sources.catalogue.name(Council, answer.council),
        service=None if body.service is None else sources.catalogue.name(Service, body.service),
        verdicts=tuple(parts),
        illustrative=illustrative,
    )
