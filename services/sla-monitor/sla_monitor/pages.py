"""The monitor's pages: a month's attainment, and one item with the picture of its clocks."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from shared.contracts.definitions import Council, Service
from shared.contracts.objectives import Judgement
from shared.http import MonthParameter, PathId, Problem
from shared.http.problem_types import CONFLICT, NOT_FOUND
from shared.period import Month
from shared.web.pages import environment
from sla_monitor.domain.attainment import met_by_floor
from sla_monitor.page_models import AttainmentPage, CouncilAttainment, ItemPage, TargetRow, VerdictPart
from sla_monitor.reports.item_text import target_text
from sla_monitor.reports.items import Attainment, ItemAnswer, Questions
from sla_monitor.schemas import attainment_result, item_report

_Id = Annotated[str | None, Query(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def router(questions: Questions, *, illustrative: bool) -> APIRouter:
    """Routes for `/attainment` and `/items/{item}`."""
    routes = APIRouter(include_in_schema=False)
    templates = environment("sla_monitor")

    @routes.get("/attainment", response_class=HTMLResponse)
    def attainment(month: MonthParameter | None = None) -> str:
        months = [Month.parse(each) for each in questions.months()]
        shown = month or questions.newest_month()
        if shown is None or not months:
            raise Problem(NOT_FOUND, "nothing has been decided yet")
        rows = questions.attainment(month=shown)
        page = AttainmentPage(shown, tuple(months), _councils(rows, questions), illustrative)
        return templates.get_template("attainment.html").render(page=page)

    @routes.get("/items/{item}", response_class=HTMLResponse)
    async def one_item(item: PathId, council: _Id = None) -> str:
        found = await questions.items(item, council=council)
        if not found:
            raise Problem(NOT_FOUND)
        if len(found) > 1:
            raise Problem(CONFLICT, "more than one council uses this id: add ?council=")
        return templates.get_template("item.html").render(page=_item_page(found[0], questions, illustrative))

    return routes


def _councils(rows: Iterable[Attainment], questions: Questions) -> tuple[CouncilAttainment, ...]:
    by_council = groupby(rows, key=lambda row: row.counted.council)
    return tuple(
        CouncilAttainment(council, questions.name(Council, council), tuple(_target_row(row, questions) for row in held))
        for council, held in by_council
    )


def _target_row(row: Attainment, questions: Questions) -> TargetRow:
    within = row.counted.target if row.target is None else row.target.within
    return TargetRow(
        questions.name(Service, row.counted.service),
        target_text(row.counted.measure, within),
        attainment_result(row),
        _always_allowed(row),
    )


def _always_allowed(row: Attainment) -> int | None:
    if row.objective is None or row.judgement is not Judgement.MET:
        return None
    return row.objective.misses_always_allowed if met_by_floor(row.counted.attained, row.objective) else None


def _item_page(answer: ItemAnswer, questions: Questions, illustrative: bool) -> ItemPage:
    body = item_report(answer)
    parts: Sequence[VerdictPart] = [
        VerdictPart(number, target_text(verdict.measure, verdict.within), verdict)
        for number, verdict in enumerate(body.verdicts, start=1)
    ]
    return ItemPage(
        item=body,
        council=questions.name(Council, answer.council),
        service=None if body.service is None else questions.name(Service, body.service),
        verdicts=tuple(parts),
        illustrative=illustrative,
    )
