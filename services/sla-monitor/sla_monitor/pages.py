"""The monitor's pages: the live board, a month's attainment, and one item with the charts of its clocks."""

import asyncio
import codecs
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import Council, Service
from shared.contracts.objectives import Judgement
from shared.csv_cells import CSV_TYPE, csv_table
from shared.http import (
    CallerScope,
    MonthParameter,
    MonthScope,
    OptionalId,
    PathId,
    Problem,
    RequestedMonthScope,
    RequestedScope,
    require_still_known,
    requires,
)
from shared.http.event_stream import EventStreams
from shared.http.paging import RequestedPage
from shared.http.problem_types import NOT_FOUND
from shared.money import format_gbp
from shared.period import Month, month_of
from shared.scope import Scope
from shared.web.charts.bars import Bar, bar_chart
from shared.web.charts.svg import Caption
from shared.web.formats import to_the_minute, whole_number
from shared.web.pages import environment
from shared.web.strings import text
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.attainment import met_by_floor
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.ports import DecidedVerdict
from sla_monitor.reports.attainment import (
    AttainmentResult,
    attainment_result,
    attainment_results,
    months_shown,
)
from sla_monitor.reports.availability import AvailabilityResult, availabilities
from sla_monitor.reports.budget import BudgetRow
from sla_monitor.reports.decided import PAGE_SIZE, WantedVerdicts, decided_verdicts, verdicts_page
from sla_monitor.reports.item_report import item_report
from sla_monitor.reports.items import (
    StreamParameter,
    find_items,
    item_page,
    items_page,
    target_text,
)
from sla_monitor.reports.periods import Attainment, attainments
from sla_monitor.reports.sources import Sources
from sla_monitor.reports.today import ActiveAlert, Board, CouncilToday, PipelineState, Today, clock_runs
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


def board_router(
    sources: Sources, board: Board, streams: EventStreams, *, illustrative: bool, runbooks: str
) -> APIRouter:
    """Routes for `/today` with its stream; alerts link to their runbooks at `runbooks`, where that is not empty."""
    routes = APIRouter(
        include_in_schema=False, default_response_class=HTMLResponse, dependencies=[requires(Action.READ_FIGURES)]
    )

    @routes.get("/today")
    async def today(scope: RequestedScope, council: OptionalId = None) -> str:
        shown, month = await board.today(scope), month_of(sources.clock.now())
        return today_page(
            shown, board_words(sources, runbooks), month=month, council=council, illustrative=illustrative
        )

    @routes.get("/today/stream")
    async def today_stream(request: Request, scope: RequestedScope) -> Response:
        async def look() -> str:
            require_still_known(request)
            return board_fragment(await board.today(scope), board_words(sources, runbooks))

        return await streams.answer(look)

    return routes


def today_page(
    today: Today, words: "BoardWords", *, month: Month, illustrative: bool, council: str | None = None
) -> str:
    """The live board, of one `council` where that was asked for; `month` is the present one."""
    query = "" if council is None else f"?council={council}"
    template = environment("sla_monitor").get_template("today.html")
    return template.render(
        _board(today, words),
        month=month,
        address=f"/today{query}",
        stream=f"/today/stream{query}",
        illustrative=illustrative,
    )


def board_fragment(today: Today, words: "BoardWords") -> str:
    """The parts of the board without the page around them."""
    return environment("sla_monitor").get_template("board.html").render(_board(today, words))


def board_words(sources: Sources, runbooks: str = "") -> "BoardWords":
    """The names by which the board is read now."""
    return BoardWords(sources.catalogue.name, sources.catalogue.agreement_index, sources.now_s, runbooks)


def _board(today: Today, words: "BoardWords") -> dict[str, object]:
    """The values of board.html."""
    return {
        "today": today,
        "words": words,
        "chart": _allowance_chart(today.councils, words),
        "most_alerts": _MOST_ROWS,
        "pipeline": [] if today.pipeline is None else list(_pipeline_rows(today.pipeline)),
    }


class BoardWords:
    """What the board's figures are called, by the catalogue as it is now."""

    def __init__(
        self, name: Callable[[type[Council | Service], str], str], index: AgreementIndex, now_s: int, runbooks: str = ""
    ) -> None:
        self._name, self._index, self._now_s, self._runbooks = name, index, now_s, runbooks
        self._within: dict[str, dict[tuple[str, str], str]] = {}

    def council(self, council: str) -> str:
        """Its name."""
        return self._name(Council, council)

    def target(self, of: ActiveAlert | OpenTarget | DecidedVerdict | BudgetRow) -> str | None:
        """`ICT, resolution time: within 8 working hours`; the target's id once it is not in force any more."""
        if of.council is None or of.service is None or of.agreement is None or of.target is None:
            return None
        if of.council not in self._within:
            in_force = self._index.targets_in_force(of.council, self._now_s)
            self._within[of.council] = {
                (agreement, each.id): target_text(each.measure, each.within) for agreement, each in in_force
            }
        name = self._within[of.council].get((of.agreement, of.target), of.target)
        return text("today.of_service", service=self._name(Service, of.service), target=f"{name[:1].lower()}{name[1:]}")

    def runbook(self, alert: ActiveAlert) -> str | None:
        """The address of what to do about it; None where nothing serves runbooks."""
        return f"{self._runbooks}{alert.rule}.md" if self._runbooks else None

    def left(self, of: OpenTarget) -> str:
        """What is left of its time, in words, and whether it runs."""
        if not of.left_s:
            return text("today.due_now")
        left = to_the_minute(of.left_s, working=of.working_time)
        return left if clock_runs(self._index, of, now_s=self._now_s) else text("today.stands_still", left=left)

    def used(self, row: BudgetRow) -> str:
        """The share of its allowance that is used up."""
        percent = row.consumed_percent
        return text("today.used_beyond") if percent is None else text("today.used_percent", percent=percent)

    def remaining(self, row: BudgetRow) -> str:
        """Misses, or what they may be worth."""
        if row.weighted_by == "value":
            return text("today.remaining_value", amount=format_gbp(row.remaining))
        return whole_number(row.remaining)


def _allowance_chart(councils: Iterable[CouncilToday], words: BoardWords) -> Markup:
    """Of each council with an objective its tightest; where no miss is allowed, any is all of it."""
    rows = [(each.name, each.tightest) for each in councils if each.tightest is not None]
    caption = Caption("board-used", text("today.chart_title"), text("today.chart_description"))
    return bar_chart(
        caption,
        [Bar(name, 100 if (used := row.consumed_percent) is None else used, words.used(row)) for name, row in rows],
    )


def _pipeline_rows(state: PipelineState) -> Iterator[tuple[str, str]]:
    unknown = text("today.lag_unknown")
    for group, name in zip(state.groups, ("judging", "recording"), strict=True):
        lag = unknown if group.lag_records is None else whole_number(group.lag_records)
        yield text(f"today.{name}"), lag
    halted = [advice for group in state.groups for advice in group.halted]
    yield text("today.halted"), "; ".join(halted) or "0"
    yield text("today.paused_shards"), whole_number(sum(group.paused_shards for group in state.groups))
    yield text("today.overdue"), to_the_minute(state.overdue_s)
    yield text("today.quarantine"), whole_number(state.quarantine_open)
    yield text("today.parked"), whole_number(state.parked_records)
    yield text("today.unreconciled"), whole_number(state.unreconciled_shards)


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
