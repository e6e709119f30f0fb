"""The live board as a page, and the part of it that its stream sends."""

from collections.abc import Callable, Iterable, Iterator

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import Council, Service
from shared.http import OptionalId, RequestedScope, require_still_known, requires
from shared.http.event_stream import EventStreams
from shared.money import format_gbp
from shared.period import Month, month_of
from shared.web.charts.bars import Bar, bar_chart
from shared.web.charts.svg import Caption
from shared.web.formats import to_the_minute, whole_number
from shared.web.pages import environment
from shared.web.strings import text
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.ports import DecidedVerdict
from sla_monitor.reports.budget import BudgetRow
from sla_monitor.reports.items import target_text
from sla_monitor.reports.sources import Sources
from sla_monitor.reports.today import ActiveAlert, Board, CouncilToday, PipelineState, Today, clock_runs

_MOST_ALERTS = 40


def router(sources: Sources, board: Board, streams: EventStreams, *, illustrative: bool, runbooks: str) -> APIRouter:
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
        "most_alerts": _MOST_ALERTS,
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
