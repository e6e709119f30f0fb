"""One council: how each of its targets stands this month, and why."""

from tallystick.dashboards.dashboard import Dashboard, Row
from tallystick.dashboards.panels import COUNT, POUNDS, SHARE, TIMES, WORKING_HOURS, Link, Query, buckets, lines, number
from tallystick.dashboards.queries import (
    BY_TARGET,
    COUNCIL,
    MARKS,
    NOTHING_DECIDED,
    ONE_COUNCIL,
    SERVICE,
    SERVICES,
    TARGET,
    TARGETS,
    added,
    allowance_consumed,
    figure,
    hours,
    misses_remaining,
    nearly_used_up,
    or_none,
    owned,
    runbook,
)
from tallystick.dashboards.tables import Column, table

_GOOD = figure("tallystick_attainment_good_items", BY_TARGET, TARGET)
_DECIDED = figure("tallystick_attainment_items", BY_TARGET, TARGET)
_AT_RISK = figure("tallystick_at_risk_items", "council, service, priority", SERVICE)
_OPEN = figure("tallystick_open_items", "council, service, priority", SERVICE)
_OLDEST = figure("tallystick_oldest_open_item_working_seconds", "council, service", SERVICE)
_NEXT_BREACH = figure("tallystick_next_breach_working_seconds", "council, service, priority", SERVICE)
_SILENT = figure("tallystick_council_silent_working_seconds", "council", COUNCIL)
_PAGE = "${pages:raw}/attainment#${council:raw}"
_STATEMENT = Link("The statement of this month", "${pages:raw}/v1/statements/${council:raw}/${__to:date:YYYY-MM}")
_DECIDED_ITEMS = Link(
    "The items behind the count",
    "${pages:raw}/verdicts?month=${__to:date:YYYY-MM}&council=${council:raw}&service=${__data.fields.service}"
    "&target=${__data.fields.target}",
)


def _burn(window: str) -> str:
    return figure("tallystick_allowance_burn_ratio", BY_TARGET, f'{TARGET}, window="{window}"')


_MONTH = Row(
    "This month so far",
    [
        number(
            "Targets met so far",
            "Items of this London month that met their targets, of all that are decided. Objectives differ by "
            "target: the table below is what counts.",
            f"sum({_GOOD}) / sum({_DECIDED})",
            unit=SHARE,
            decimals=1,
            links=[Link("The attainment page", _PAGE)],
        ).when_empty("until the month's first item is decided"),
        number(
            "Targets with two misses left or fewer",
            "Targets that something missed and at most two more may miss in their period.",
            or_none(f"sum({nearly_used_up()})"),
            act_from=1,
            links=[runbook("FewMissesRemaining"), runbook("AllowanceExhausted")],
        ),
        number(
            "Items at risk",
            "Open items that reached a warning of a target that they can still meet.",
            or_none(f"sum({_AT_RISK})"),
            act_from=1,
            links=[runbook("ItemAboutToBreach")],
        ),
        number("Open items", "Open items that any target applies to.", or_none(f"sum({_OPEN})")),
        number(
            "Silent for",
            "Service hours since the council's systems last sent a ticket or work event. Ask them from 2 on.",
            hours(f"max({_SILENT})"),
            unit=WORKING_HOURS,
            decimals=1,
            act_from=2,
            none="sends now",
            links=[runbook("CouncilSilent")],
        ),
        number(
            "Failed items",
            "Items that could not be judged because of a bug in Tallystick. They are in no figure.",
            f"sum({owned('tallystick_failed_items', 'council', COUNCIL)})",
            act_from=1,
            links=[runbook("ItemsFailed")],
        ),
    ],
)

_TARGETS = Row(
    "Targets",
    [
        table(
            "Targets of this month",
            "Good of decided is of this London month; misses left and consumed are of each objective's own period. "
            "Misses left is in pence where the objective weighs by value; below 0 is beyond. 1 day to 10 days: how "
            "many times faster than allowed the misses of the last working days came; 1 uses the allowance up just "
            "at the period's end.",
            Column("Good", _GOOD, COUNT),
            Column("Decided", _DECIDED, COUNT),
            Column("Attainment", f"{_GOOD} / {_DECIDED}", SHARE, 1),
            Column("Misses left", misses_remaining(), COUNT),
            Column("Consumed", allowance_consumed(), SHARE, 0),
            *[
                Column(f"{window[:-1]} days" if window != "1d" else "1 day", _burn(window), TIMES, 1)
                for window in ("1d", "3d", "5d", "10d")
            ],
            labels=["service", "target", "measure", "agreement", "council"],
            hidden=["council"],
            sort="Consumed",
            descending=True,
            links=[_DECIDED_ITEMS, Link("The attainment page", _PAGE)],
        ).when_empty(f"in the columns from misses left on {NOTHING_DECIDED}"),
        lines(
            "Attainment",
            "Good of decided, of the London month so far, by target. It begins at the start of each month.",
            Query(f"{_GOOD} / ({_DECIDED} > 0)", "{{service}} {{target}}"),
            unit=SHARE,
        ).when_empty("until the month's first item is decided"),
        lines(
            "Allowance consumed",
            "Share of the allowed misses of the period that is used up, by target. Dashed: 75%, where to look at the "
            "items behind it; 100%, where the objective is missed.",
            Query(f"{allowance_consumed()} < +Inf", "{{service}} {{target}}"),
            unit=SHARE,
            limits=[0.75, 1],
        ).when_empty(NOTHING_DECIDED),
        lines(
            "How fast the allowance goes",
            "How many times faster than allowed items missed in the last three working days, by target. Dashed: 1, "
            "which uses the allowance up just at the period's end.",
            Query(f"{_burn('3d')} < +Inf", "{{service}} {{target}}"),
            unit=TIMES,
            limits=[1],
        ).when_empty(NOTHING_DECIDED),
        buckets(
            "How close items came to their threshold",
            "Items decided in the chosen time, by the share of their threshold that they took. All that missed are "
            "above 1; many just below 1 mean that the target is met by a hair.",
            added("tallystick_elapsed_threshold_ratio_bucket", "le", COUNCIL, "$__range"),
        ),
    ],
)

_ITEMS = Row(
    "Items",
    [
        lines(
            "Open items by service",
            "Open items that any target applies to, by service.",
            Query(or_none(f"sum by (service) ({_OPEN})", "service"), "{{service}}"),
        ),
        lines(
            "Age of the oldest open item",
            "Hours of the service since the oldest open item was opened, pauses included.",
            Query(hours(_OLDEST), "{{service}}"),
            unit=WORKING_HOURS,
        ).when_empty("while nothing is open"),
        lines(
            "Next breach",
            "What is left to the open item that breaches next, by service and priority. Dashed: one hour.",
            Query(hours(_NEXT_BREACH), "{{service}} {{priority}}"),
            unit=WORKING_HOURS,
            limits=[1],
        ).when_empty("while no open item has a deadline ahead"),
        lines(
            "Verdicts",
            "Items as they were first judged, met or breached. What was corrected afterwards is in the next panel.",
            Query(added("tallystick_verdicts_total", "outcome", TARGET), "{{outcome}}"),
            bars=True,
        ),
        lines(
            "Corrected verdicts",
            "Verdicts corrected or retracted after they were published, by cause. Many by event: a sender is late or "
            "resends.",
            Query(added("tallystick_verdict_corrections_total", "cause", COUNCIL), "{{cause}}"),
            bars=True,
        ),
        lines(
            "Charges and credits of this month",
            "Pounds before VAT of the running month so far. For display: what is payable is on the statement.",
            Query(figure("tallystick_charges_gbp", "council", COUNCIL), "charges"),
            Query(figure("tallystick_credits_gbp", "council", COUNCIL), "service credits"),
            unit=POUNDS,
            links=[_STATEMENT],
        ),
    ],
)

ONE_COUNCIL_DASHBOARD = Dashboard(
    uid="tallystick-one-council",
    title="One council",
    description="How each target of one council stands this month, what is open, and what is about to miss.",
    since="now/M",
    rows=[_MONTH, _TARGETS, _ITEMS],
    choices=[ONE_COUNCIL, SERVICES, TARGETS],
    annotations=MARKS,
    links=[Link("This council's attainment page", _PAGE), _STATEMENT],
)
