"""Every page with illustrative figures, as one application."""

from typing import Literal

from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import HTMLResponse

from billing.documents.forms import form
from billing.documents.line_view import line_view
from billing.documents.page import line_page, partnership_page
from billing.documents.shown import ShownStatement
from billing.domain.partnership_recharges import PartnershipRecharges, partnership_recharges
from billing.domain.statement import Statement, build_statement
from billing.domain.terms import Terms
from billing.routes import statement_lists
from billing.statements.overview import ListedStatement, StatementLists
from shared.audit import AuditEntry
from shared.auth.roles import Action
from shared.contracts.definitions import Partnership
from shared.http import Limit, create_app, pages_of
from shared.http.access import requires
from shared.http.event_stream import EVENT_STREAM
from shared.instants import instant
from shared.period import Month
from shared.running.api_reference import reference_routes
from shared.scope import Scope
from shared.web.pages import problem_page
from sla_monitor import pages
from sla_monitor.domain.open_targets import OpenTarget
from sla_monitor.pages import CouncilAttainment, TargetRow
from sla_monitor.ports import DecidedVerdict
from sla_monitor.reports import items
from sla_monitor.reports.attainment import AttainmentResult
from sla_monitor.reports.budget import BudgetForecast, BudgetRow
from sla_monitor.reports.item_report import ItemAnswer, item_report
from sla_monitor.reports.today import ActiveAlert, CouncilToday, GroupState, PipelineState, Severity, Today
from tallystick.demo.home_page import AttainmentRow, HomePage, StatementRow, router
from tests.support import credits, histories, recharges
from tests.support.callers import MAY_ALL
from tests.support.whole_statement import COUNTED, shown

OCTOBER = Month(2026, 10)
TARGET = "Resolution time: within 8 working hours"
ADDRESSES = (
    "/",
    "/today",
    "/today/quiet",
    "/attainment",
    "/item",
    "/item/open",
    "/statement",
    "/statement/whole",
    "/statement/line",
    "/partnership",
    "/statements",
    "/statements/ashby",
    "/accessibility",
    "/licences",
    "/api/catalogue",
)


HOME = HomePage(
    "Adur and Worthing",
    OCTOBER,
    (
        StatementRow("Adur District Council", 1234567, f"/v1/statements/adur/{OCTOBER}"),
        StatementRow("Worthing Borough Council", -1230, f"/v1/statements/worthing/{OCTOBER}"),
    ),
    (
        AttainmentRow("Adur District Council", met=14, judged=16, good=12_996, total=13_001),
        AttainmentRow("Worthing Borough Council", met=0, judged=0, good=0, total=0),
    ),
)
EMPTY_HOME = HomePage("Adur and Worthing", None)


def target_row(service: str, judgement: str, *, good: int, total: int, misses_remaining: int | None) -> TargetRow:
    """One row; without misses remaining there is no objective."""
    objective = None if misses_remaining is None else "95"
    result = AttainmentResult(
        council="adur",
        service=service,
        agreement="adur-ict",
        target="resolve",
        measure="resolution-time",
        period="2026-10",
        so_far=False,
        good=good,
        total=total,
        good_pence=0,
        total_pence=0,
        weighted_by="count",
        attained_percent="",
        objective_percent=objective,
        judgement=judgement,
        misses_remaining=misses_remaining,
        failed_items=0,
    )
    return TargetRow(service, TARGET, result)


def attainment_page(*councils: CouncilAttainment) -> str:
    """October of `councils`."""
    return pages.attainment_page(councils, month=OCTOBER, months=(OCTOBER.previous, OCTOBER), illustrative=True)


ADUR = CouncilAttainment(
    "adur",
    "Adur District Council",
    (
        target_row("ICT", "missed", good=94, total=100, misses_remaining=-1),
        target_row("Accounts payable", "met", good=2999, total=3000, misses_remaining=149),
        target_row("Health and safety administration", "too few to judge", good=1, total=2, misses_remaining=0),
        target_row("Payroll", "no objective", good=9, total=10, misses_remaining=None),
        target_row("Recruitment and advertising", "no volume", good=0, total=0, misses_remaining=0),
    ),
)


def open_target(item: str, left_s: int, *, priority: str = "normal") -> OpenTarget:
    """A ticket of Adur's that has so much working time left on a Thursday morning."""
    return OpenTarget(
        council="adur",
        agreement="adur-2026",
        target="resolve",
        stream="ticket",
        item=item,
        cycle=1,
        service="ict",
        measure="resolution-time",
        priority=priority,
        due_at=instant(histories.at("Thu 2026-11-05 10:00") + left_s),
        left_s=left_s,
        left_wall_s=left_s,
        warned_percent=90,
        warned_before=None,
        paused=False,
        missed_before=False,
        value_pence=0,
        working_time=True,
    )


def budget_row(council: str, *, used: int, allowed: int, weighted_by: Literal["count", "value"] = "count") -> BudgetRow:
    """An objective whose allowance is used up so far."""
    return BudgetRow(
        council=council,
        service="ict",
        agreement=f"{council}-2026",
        target="resolve",
        measure="resolution-time",
        period="2026-11",
        objective_percent="95",
        weighted_by=weighted_by,
        met=90,
        missed=used,
        open=2,
        at_risk=1,
        paused=0,
        expected=100,
        allowed=allowed,
        used=used,
        remaining=allowed - used,
        consumed_percent=used * 100 // allowed if allowed else None,
        alert_percent=None,
        exhausted_for_certain=False,
        low_volume=False,
        burn_rate=[],
        forecast=BudgetForecast(100, 95, 94, 93, "94.0", "missed"),
    )


def council_today(council: str, name: str, row: BudgetRow | None, severity: Severity | None = None) -> CouncilToday:
    """A council of the board with that objective as its tightest."""
    due = None if row is None else open_target("INC-48213", 480)
    return CouncilToday(council, name, severity, row, 12, 1, due, 5400, failed_items=2, held=severity == "page")


BOARD = Today(
    instant(histories.at("Thu 2026-11-05 10:00:12")),
    [
        council_today("adur", "Adur District Council", budget_row("adur", used=6, allowed=5), "page"),
        council_today("worthing", "Worthing Borough Council", budget_row("worthing", used=1, allowed=0), "ticket"),
        council_today("ashby", "Ashby Council", budget_row("ashby", used=1, allowed=90, weighted_by="value")),
        council_today("burton", "Burton Council", None),
    ],
    [
        ActiveAlert("PartitionHalted", "page", "provider.tickets.v1/3 was halted: too many invalid records"),
        ActiveAlert("CouncilHeld", "page", "items of some partitions are not judged", "adur"),
        ActiveAlert(
            "AllowanceExhausted", "ticket", "1 more missed than the 5 allowed", "adur", "ict", "adur-2026", "resolve"
        ),
    ],
    [open_target("INC-48213", 480, priority="urgent"), open_target("INC-47007", 0), open_target("INC-48391", 9000)],
    [
        DecidedVerdict(
            council="adur",
            item="INC-46998",
            stream="ticket",
            agreement="adur-2026",
            target="resolve",
            cycle=1,
            service="ict",
            measure="resolution-time",
            month="2026-11",
            outcome="breached",
            due_at=instant(histories.at("Wed 2026-11-04 16:12:31")),
            elapsed_s=None,
        )
    ],
    PipelineState(
        [GroupState("sla-monitor", 1203, 1, ["3 was halted"]), GroupState("sla-monitor-read-model", None, 0, [])],
        quarantine_open=14,
        parked_records=1,
        overdue_s=61,
        unreconciled_shards=2,
    ),
)
QUIET_BOARD = Today(instant(histories.at("Thu 2026-11-05 10:00")), [], [], [], [], None)


def today_page(board: Today) -> str:
    """The page of `board` on Thursday 5 November 2026 at 10:00."""
    index = histories.agreement_index({"within": "8 working hours", "calendar": "office"})
    now_s = histories.at("Thu 2026-11-05 10:00")
    words = pages.BoardWords(lambda _, id_: id_.capitalize(), index, now_s, runbooks="/docs/runbooks/")
    return pages.today_page(board, words, month=OCTOBER.next, illustrative=True)


def item_page(*lines: tuple[str, str], as_of: str) -> str:
    """The page of a ticket with that history, 8 working hours to resolve it."""
    agreement_index = histories.agreement_index({"within": "8 working hours", "calendar": "office"})
    evaluation = histories.evaluated(lines, agreement_index, as_of=as_of)
    item = item_report(ItemAnswer("adur", "ticket", "T1", histories.at(as_of), histories.facts(*lines), evaluation, []))
    return items.item_page(item, council="Adur District Council", service="ICT", illustrative=True)


PAUSED_AND_MISSED = item_page(
    ("Thu 2026-11-05 14:00", "opened high"),
    ("Fri 2026-11-06 11:10", "paused council"),
    ("Fri 2026-11-06 14:02", "resumed"),
    ("Mon 2026-11-09 12:30:01", "resolved"),
    as_of="Tue 2026-11-10 09:00",
)
STILL_OPEN = item_page(("Thu 2026-11-05 14:00", "opened"), as_of="Thu 2026-11-05 15:30")


def known_and_stated() -> tuple[Terms, Statement]:
    """A month of two services, one of them graduated, the other credited up to a cap."""
    tariffs = [
        recharges.tariff(recharges.standing("310.00"), recharges.GRADUATED),
        recharges.tariff(recharges.unit("4.42"), service="payroll"),
    ]
    agreement = credits.agreement_with_credits(
        credits.target("payslips", "payroll"),
        credits.target("queries", "payroll"),
        tariffs=tuple(each.id for each in tariffs),
        service_month=credits.percent("3"),
    )
    known = recharges.terms(agreement, tariffs=tariffs)
    rows = [
        recharges.usage("accounts-payable", "2026-10-12", "1025.5"),
        recharges.usage("payroll", "2026-10-12", "400", meter="readings"),
        recharges.usage(None, "2026-10-12", "1"),
    ]
    kept = [
        credits.attainment_of("payslips", 94, 100, service="payroll"),
        credits.attainment_of("queries", 0, 3, service="payroll"),
    ]
    return known, build_statement(known, recharges.ASHBY.id, OCTOBER, rows, attained=kept)


def statement() -> Statement:
    """A statement with charges by tier, service credits and usage that is not billed."""
    return known_and_stated()[1]


def partnership() -> PartnershipRecharges:
    """Its month as the provider sees it, with a member of whom nothing is shown."""
    known, stated = known_and_stated()
    of_two = Partnership(id="p", name="Two councils", provider=recharges.PROVIDER.id, councils=("ashby", "belton"))
    return partnership_recharges(known, of_two, [stated], Scope.all(), month=OCTOBER, status=stated.status)


def described_routes() -> APIRouter:
    """A list in pages with a parameter in bounds, to be shown in a reference."""
    described = APIRouter()

    @described.get("/v1/entries", responses=pages_of(AuditEntry))
    def list_entries(limit: Limit = 50) -> Response:
        """Every entry."""
        raise NotImplementedError(limit)

    return described


class Listed(StatementLists):
    """The whole statement, wherever statements are listed."""

    def __init__(self) -> None:
        found = shown()
        assert found.now is not None
        self._found = (ListedStatement(found.statement, found.now, ()),)

    def months(self) -> tuple[Month, ...]:
        return OCTOBER.next, OCTOBER

    def of_council(self, council: str, *, scope: Scope) -> tuple[ListedStatement, ...]:  # noqa: ARG002 (the only one)
        return self._found

    def of_month(self, month: Month, *, scope: Scope) -> tuple[ListedStatement, ...]:  # noqa: ARG002 (the only one)
        return self._found


def application(home: HomePage = HOME) -> FastAPI:
    """All pages at `ADDRESSES`, with their assets."""
    routes = APIRouter(default_response_class=HTMLResponse, dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/today")
    def today() -> str:
        return today_page(BOARD)

    @routes.get("/today/quiet")
    def quiet() -> str:
        return today_page(QUIET_BOARD)

    @routes.get("/today/stream")
    async def today_stream() -> Response:
        return Response(": nothing to send\n\n", media_type=EVENT_STREAM)

    @routes.get("/attainment")
    def attainment() -> str:
        return attainment_page(ADUR)

    @routes.get("/item")
    def item() -> str:
        return PAUSED_AND_MISSED

    @routes.get("/item/open")
    def open_item() -> str:
        return STILL_OPEN

    @routes.get("/statement")
    def statement_of_ashby() -> str:
        return form("html").render(ShownStatement(statement())).decode()

    @routes.get("/statement/whole")
    def statement_with_everything() -> str:
        return form("html").render(shown()).decode()

    @routes.get("/statement/line")
    def line_of_a_statement() -> str:
        of = shown().statement
        return line_page(line_view(of, of.lines[0], [COUNTED], "/statement/line"))

    @routes.get("/partnership")
    def partnership_of_two() -> str:
        return partnership_page(partnership(), downloads=[("CSV", "/partnership.csv")])

    reference = reference_routes("catalogue", "One route", described_routes, (AuditEntry,))
    routers = [router(lambda _: home), statement_lists.router(Listed()), routes, reference]
    return create_app("Pages", routers, authentication=MAY_ALL, problem_page=problem_page)
