"""The monitor's pages: a month's attainment, and one item with the charts of its clocks."""

import asyncio
import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import Council, Service
from shared.contracts.objectives import Judgement
from shared.csv_cells import CSV_TYPE, csv_table
from shared.http import (
    CallerScope,
    MonthParameter,
    MonthScope,
    PathId,
    Problem,
    RequestedMonthScope,
    RequestedScope,
    requires,
)
from shared.http.paging import RequestedPage
from shared.http.problem_types import NOT_FOUND
from shared.period import LONDON, Month, month_of
from shared.scope import Scope
from shared.web.pages import environment
from shared.web.strings import text
from sla_monitor.domain.attainment import met_by_floor
from sla_monitor.reports.attainment import (
    AttainmentResult,
    attainment_result,
    attainment_results,
    months_shown,
)
from sla_monitor.reports.availability import AvailabilityResult, availabilities
from sla_monitor.reports.decided import PAGE_SIZE, WantedVerdicts, decided_verdicts, verdicts_page
from sla_monitor.reports.item_report import ItemAnswer, ItemReport, item_report
from sla_monitor.reports.item_text import folded, is_late_by_date
from sla_monitor.reports.items import (
    STREAM_TEXTS,
    StreamParameter,
    find_items,
    item_path,
    target_text,
    verdict_chart,
)
from sla_monitor.reports.periods import Attainment, attainments
from sla_monitor.reports.sources import Sources
from sla_monitor.store.items import Failures

_MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A council's month against one target; `target` in words: `Resolution time: within 8 working hours`.

    It names its agreement where several have targets for the service.
    `always_allowed` is the number of misses that the agreement always allows, where only that made the month met.
    """

    service: str
    target: str
    result: AttainmentResult
    always_allowed: int | None = None


@dataclass(frozen=True, slots=True)
class CouncilAttainment:
    """One council's rows, in the order in which they are shown; those of availability with their service's name.

    `failed_items` could not be judged and are in none of them. With too many of those the council is `held`: since
    then no item of it was judged in some partitions.
    """

    id: str
    name: str
    rows: tuple[TargetRow, ...]
    availability: tuple[tuple[str, AvailabilityResult], ...] = ()
    failed_items: int = 0
    held: bool = False

    @property
    def judged(self) -> int:
        """How many targets were met or missed, the rest having too little volume or no objective."""
        return sum(judgement in ("met", "missed") for judgement in self._judgements())

    @property
    def met(self) -> int:
        """How many targets were met."""
        return sum(judgement == "met" for judgement in self._judgements())

    def _judgements(self) -> Iterator[str]:
        yield from (row.result.judgement for row in self.rows)
        yield from (result.judgement for _, result in self.availability)


def router(sources: Sources, *, illustrative: bool) -> APIRouter:
    """Routes for `/attainment`, `/verdicts` and `/items/{item}`."""
    routes = APIRouter(
        include_in_schema=False, default_response_class=HTMLResponse, dependencies=[requires(Action.READ_FIGURES)]
    )
    names = sources.catalogue

    @routes.get("/attainment.csv")
    async def attainment_file(caller: MonthScope, month: MonthParameter) -> Response:
        results = await attainment_results(sources, caller, month=month, service=None, over="month")
        content = codecs.BOM_UTF8 + csv_table(AttainmentResult, results).encode()
        headers = {"Content-Disposition": f'attachment; filename="attainment-{month}.csv"'}
        return Response(content, media_type=CSV_TYPE, headers=headers)

    @routes.get("/attainment")
    async def attainment(caller: CallerScope, month: MonthParameter | None = None) -> str:
        months = await asyncio.to_thread(months_shown, sources, caller)
        if not months:
            raise Problem(NOT_FOUND, "nothing has been decided yet")
        shown = month or months[-1]
        scope = caller.until(shown.next.first_day)
        rows = await asyncio.to_thread(attainments, sources, scope, month=shown)
        failures = await sources.failures(scope)
        councils = _councils(rows, await availabilities(sources, scope, shown), failures, sources)
        so_far = shown == month_of(sources.clock.now())
        return attainment_page(councils, month=shown, months=months, so_far=so_far, illustrative=illustrative)

    @routes.get("/items/{item}")
    async def one_item(
        item: PathId, scope: RequestedScope, stream: StreamParameter = None, *, long: bool = False
    ) -> str:
        found = await find_items(sources, scope, item, stream=stream)
        if not found:
            raise Problem(NOT_FOUND)
        if len(found) > 1:
            return items_page(found, sources, illustrative=illustrative)
        report = item_report(found[0])
        council = names.name(Council, report.council)
        service = None if report.service is None else names.name(Service, report.service)
        return item_page(report, council=council, service=service, illustrative=illustrative, long=long)

    @routes.get("/verdicts")
    def verdicts(scope: RequestedMonthScope, wanted: WantedVerdicts, paging: RequestedPage) -> str:
        page = decided_verdicts(sources, scope, wanted, after=paging.after, limit=PAGE_SIZE)
        return verdicts_page(page, wanted, sources, following=paging.next_address(page), illustrative=illustrative)

    return routes


def attainment_page(
    councils: Sequence[CouncilAttainment],
    *,
    month: Month,
    months: Sequence[Month],
    illustrative: bool,
    so_far: bool = False,
) -> str:
    """One month of the councils that the reader may see; `months` are those to choose from.

    `so_far` while the month goes on.
    """
    template = environment("sla_monitor").get_template("attainment.html")
    last_day = month.next.first_day - timedelta(days=1)
    return template.render(
        councils=councils, month=month, months=months, so_far=so_far, last_day=last_day, illustrative=illustrative
    )


def item_page(item: ItemReport, *, council: str, service: str | None, illustrative: bool, long: bool = False) -> str:
    """One item under the names of its council and service: every verdict with its chart, and all that was published.

    Time is folded to a table of at most `_MOST_ROWS` where it has more segments, unless `long` asks for each of them.
    """
    verdicts = [
        (
            target_text(verdict.measure, verdict.within),
            verdict,
            verdict_chart(verdict, number=number),
            is_late_by_date(verdict),
        )
        for number, verdict in enumerate(item.verdicts, start=1)
    ]
    rows = [
        None if long or len(verdict.trace) <= _MOST_ROWS else folded(verdict.trace, LONDON, most=_MOST_ROWS)
        for verdict in item.verdicts
    ]
    template = environment("sla_monitor").get_template("item.html")
    return template.render(
        item=item,
        kind=text(STREAM_TEXTS[item.stream]),
        council=council,
        service=service,
        verdicts=verdicts,
        rows=rows,
        illustrative=illustrative,
    )


def items_page(found: Sequence[ItemAnswer], sources: Sources, *, illustrative: bool) -> str:
    """The choice among items that have one id: of several councils, or a ticket and a work item of one."""
    choices = [
        (item_path(each), text(STREAM_TEXTS[each.stream]), sources.catalogue.name(Council, each.council))
        for each in found
    ]
    template = environment("sla_monitor").get_template("items.html")
    return template.render(item=found[0].item, choices=choices, illustrative=illustrative)


def _councils(
    rows: Iterable[Attainment], availability: Iterable[AvailabilityResult], failures: Failures, sources: Sources
) -> list[CouncilAttainment]:
    by_council = {council: list(held) for council, held in groupby(rows, key=lambda row: row.counts.council)}
    promised = {council: list(held) for council, held in groupby(availability, key=lambda result: result.council)}
    return [
        replace(
            _council(council, by_council.get(council, ()), promised.get(council, ()), sources),
            failed_items=failures.count(council),
            held=council in failures.held,
        )
        for council in sorted(by_council.keys() | promised.keys() | {each.council for each in failures.items})
    ]


def _council(
    council: str, rows: Sequence[Attainment], promised: Sequence[AvailabilityResult], sources: Sources
) -> CouncilAttainment:
    name = sources.catalogue.name
    titles = {agreement.id: agreement.title for agreement in sources.catalogue.agreements(Scope.of(council))}
    of_rows = _alike(((row.counts.service, row.counts.agreement) for row in rows), titles)
    of_promised = _alike(((each.service, each.agreement) for each in promised), titles)
    return CouncilAttainment(
        council,
        name(Council, council),
        tuple(_target_row(row, of_rows.get((row.counts.service, row.counts.agreement)), sources) for row in rows),
        tuple(
            (_of_agreement(name(Service, each.service), of_promised.get((each.service, each.agreement))), each)
            for each in promised
        ),
    )


def _alike(found: Iterable[tuple[str, str]], titles: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """By service and agreement its title, of services with rows of several agreements: these might read alike."""
    pairs = set(found)
    agreements = Counter(service for service, _ in pairs)
    return {pair: titles.get(pair[1], pair[1]) for pair in pairs if agreements[pair[0]] > 1}


def _of_agreement(row: str, title: str | None) -> str:
    return row if title is None else text("attainment.of_agreement", row=row, agreement=title)


def _target_row(row: Attainment, title: str | None, sources: Sources) -> TargetRow:
    within = row.counts.target if row.target is None else row.target.within
    return TargetRow(
        sources.catalogue.name(Service, row.counts.service),
        _of_agreement(target_text(row.counts.measure, within), title),
        attainment_result(row, failed_items=0),  # the page says it once for the council
        _always_allowed(row),
    )


def _always_allowed(row: Attainment) -> int | None:
    if row.objective is None or row.judgement is not Judgement.MET:
        return None
    return row.objective.misses_always_allowed if met_by_floor(row.counts.attained, row.objective) else None
