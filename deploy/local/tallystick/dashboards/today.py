"""Today: what the duty officer looks at first. Which council breaches next, why, and whether anything is in the way."""

from tallystick.dashboards.dashboard import Dashboard, Row
from tallystick.dashboards.panels import COUNT, SHARE, STATE, TIMES, WORKING_HOURS, Link, Query, lines, number
from tallystick.dashboards.queries import (
    BY_TARGET,
    COUNCIL,
    COUNCIL_DASHBOARD,
    COUNCIL_PAGE,
    COUNCILS,
    HOUR_S,
    MARKS,
    NOTHING_DECIDED,
    SERVICE,
    SERVICES,
    TARGET,
    TARGETS,
    added,
    allowance_consumed,
    figure,
    hours,
    misses_remaining,
    named,
    nearly_used_up,
    or_none,
    runbook,
)
from tallystick.dashboards.tables import Column, table

_AT_RISK = figure("tallystick_at_risk_items", "council, service, priority", SERVICE)
_NEXT_BREACH = figure("tallystick_next_breach_working_seconds", "council, service, priority", SERVICE)
_SILENT = figure("tallystick_council_silent_working_seconds", "council", COUNCIL)
_OPEN = figure("tallystick_open_items", "council, service, priority", SERVICE)
_BREACHED = f'{TARGET}, outcome="breached"'
_BURN = figure("tallystick_allowance_burn_ratio", BY_TARGET, f'{TARGET}, window="3d"')
_FIRING = 'ALERTS{alertstate="firing", alertname!="Watchdog"}'
_ALERTS_RUN = 'count(ALERTS{alertname="Watchdog", alertstate="firing"})'
_RUNBOOK_OF_ROW = Link("Runbook", "${docs:raw}/runbooks/${__data.fields.alertname}.md")
_ALLOWED_SILENCE_HOURS = 2
_RISK = f"max by (council) (({misses_remaining()}) < bool 0) + max by (council) ({nearly_used_up()})"
_RISK_WORDS = {0: "within", 1: "two or fewer left", 2: "beyond"}

_NOW = Row(
    "What needs somebody now",
    [
        number(
            "Items at risk",
            "Open items of which a warning was reached for a target that can still be met. The table below says whose.",
            or_none(f"sum({_AT_RISK})"),
            act_from=1,
            links=[runbook("ItemAboutToBreach")],
        ),
        number(
            "Next breach in",
            "What is left to the open item that breaches next: hours of its service, or around the clock if agreed so.",
            hours(f"min({_NEXT_BREACH})"),
            unit=WORKING_HOURS,
            decimals=1,
        ).when_empty("while no open item has a deadline ahead"),
        number(
            "Targets with two misses left or fewer",
            "Targets that something missed and at most two more may miss in their period. The table of targets says "
            "which.",
            or_none(f"sum({nearly_used_up()})"),
            act_from=1,
            links=[runbook("FewMissesRemaining"), runbook("AllowanceExhausted")],
        ),
        number(
            "Breaches in 24 hours",
            "Items that missed a target, as they were first judged. What was corrected afterwards still counts.",
            f"round(sum({added('tallystick_verdicts_total', 'council', _BREACHED, '24h')}))",
            act_from=1,
        ),
        number(
            "Councils silent for two hours",
            "Councils whose systems have sent nothing for more than two of their service hours.",
            f"sum(({_SILENT}) > bool {_ALLOWED_SILENCE_HOURS * HOUR_S})",
            act_from=1,
            links=[runbook("CouncilSilent")],
        ),
        number(
            "Alerts",
            "Alerts that fire, without the one that always does. The table at the foot has them, each with its "
            "runbook.",
            f"(count({_FIRING}) or vector(0)) and on () {_ALERTS_RUN}",
            act_from=1,
        ),
    ],
)

_COUNCILS = Row(
    "Councils, those most at risk first",
    [
        table(
            "Councils by risk",
            "Risk is by the council's worst target: beyond its allowed misses, two or fewer left, or within. Misses "
            "left is the least of any target, in items (in pence where the objective weighs by value); below 0 is "
            "beyond. Consumed is the greatest share of allowed misses used up, infinite where none is allowed and "
            "one happened.",
            Column("Risk", named(_RISK), STATE, words=_RISK_WORDS),
            Column("Misses left", named(f"min by (council) ({misses_remaining()})"), COUNT),
            Column("Consumed", named(f"max by (council) ({allowance_consumed()})"), SHARE, 0),
            Column("At risk", named(or_none(f"sum by (council) ({_AT_RISK})", "council")), COUNT),
            Column("Open", named(or_none(f"sum by (council) ({_OPEN})", "council")), COUNT),
            Column("Next breach in", named(hours(f"min by (council) ({_NEXT_BREACH})")), WORKING_HOURS, 1),
            Column("Silent for", named(hours(_SILENT)), WORKING_HOURS, 1),
            labels=["name", "council"],
            hidden=["council"],
            sort="Consumed",
            descending=True,
            links=[COUNCIL_DASHBOARD, COUNCIL_PAGE],
        ).when_empty(f"in the columns of risk, misses left and consumed {NOTHING_DECIDED}"),
    ],
)

_TARGETS = Row(
    "What comes next",
    [
        table(
            "Targets nearest to their limit",
            "The 20 targets of which the greatest share of the allowed misses is used up. Three days: how many times "
            "faster than allowed the misses of the last three working days came; 1 uses the allowance up just at the "
            "period's end.",
            Column("Misses left", f"({misses_remaining()}) and topk(20, {allowance_consumed()})", COUNT),
            Column("Consumed", f"topk(20, {allowance_consumed()})", SHARE, 0),
            Column(
                "Three days",
                f"({_BURN}) and topk(20, {allowance_consumed()})",
                TIMES,
                1,
            ),
            labels=["council", "service", "target", "measure", "agreement"],
            hidden=["agreement"],
            sort="Consumed",
            descending=True,
            links=[COUNCIL_DASHBOARD, COUNCIL_PAGE],
            width=14,
        ).when_empty(NOTHING_DECIDED),
        table(
            "Next breaches",
            "For each service and priority, what is left to the open item that breaches next. /v1/at-risk names the "
            "items.",
            Column("Left", hours(f"bottomk(20, {_NEXT_BREACH})"), WORKING_HOURS, 1),
            labels=["council", "service", "priority"],
            sort="Left",
            links=[COUNCIL_DASHBOARD, COUNCIL_PAGE],
            width=10,
        ).when_empty("while no open item has a deadline ahead"),
        lines(
            "Items at risk by council",
            "Open items that will soon miss a target, by council.",
            Query(or_none(f"sum by (council) ({_AT_RISK})", "council"), "{{council}}"),
        ),
        lines(
            "Breaches",
            "Items that missed a target, by council, as they were first judged.",
            Query(added("tallystick_verdicts_total", "council", _BREACHED), "{{council}}"),
            bars=True,
        ),
        lines(
            "Open items",
            "Open items that any target applies to, by council. If it grows for days, more comes in than is done.",
            Query(or_none(f"sum by (council) ({_OPEN})", "council"), "{{council}}"),
        ),
        table(
            "Alerts that fire",
            "Each with the runbook that says what it means for councils and what to do.",
            Column(
                "Fires",
                f"max by (alertname, severity, council, job, group, topic) ({_FIRING})",
                STATE,
                words={1: "fires"},
            ),
            labels=["alertname", "severity", "council", "job", "group", "topic"],
            sort="alertname",
            links=[_RUNBOOK_OF_ROW],
            width=12,
        ).when_empty("while no alert fires"),
    ],
)

TODAY = Dashboard(
    uid="tallystick-today",
    title="Today",
    description="For the duty officer: which council breaches next, why, and what to do about it.",
    since="now-12h",
    rows=[_NOW, _COUNCILS, _TARGETS],
    choices=[COUNCILS, SERVICES, TARGETS],
    annotations=MARKS,
    links=[
        Link("Live board", "${pages:raw}/today"),
        Link("Attainment pages", "${pages:raw}/attainment"),
        Link("Runbooks", "${docs:raw}/alerts.md"),
    ],
)
