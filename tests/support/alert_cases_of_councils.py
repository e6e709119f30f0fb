"""What makes the alerts of deploy/prometheus/rules/councils.yml fire, and what does not. A scrape is 15 seconds."""

from collections.abc import Mapping, Sequence

from tests.support.alerts import AlertCase, Firing

TARGET = {
    "council": "adur",
    "service": "ict",
    "agreement": "adur-2026",
    "target": "resolve",
    "measure": "resolution-time",
}
_BEHIND = {
    "FewMissesRemaining": "More misses than that fail the objective of the present period at its expected volume.",
    "AllowanceConsumed": "So much of what may miss in the present period has missed; the objective can still be met.",
}


def series(name: str, labels: Mapping[str, str], **others: str) -> str:
    """A series as PromQL writes it, of one instance unless `others` name another."""
    written = [f'{key}="{value}"' for key, value in {"instance": "a", **labels, **others}.items()]
    return f"tallystick_{name}{{{','.join(written)}}}"


def target(name: str, **others: str) -> str:
    """A series of the target."""
    return series(name, TARGET, **others)


def burn(window: str, ratio: str, *, missed: int) -> dict[str, str]:
    """A burn rate, and so many missed of ten this month."""
    return {
        target("allowance_burn_ratio", window=window): ratio,
        target("attainment_items"): "10x40",
        target("attainment_good_items"): f"{10 - missed}x40",
    }


def too_fast(window: str, times: str) -> Sequence[Firing]:
    """A window that fires."""
    described = f"What fell due in {window} (working days) missed {times} times as fast as allowed."
    return [Firing({**TARGET, "window": window}, "adur misses resolve (ict) too fast", described)]


def remaining(misses: str, consumed: str) -> dict[str, str]:
    """What is left of an allowance, and the share of it that is used."""
    return {target("misses_remaining"): misses, target("allowance_consumed_ratio"): consumed}


def of_target(alert: str, summary: str, description: str = "") -> Sequence[Firing]:
    """An alert of the target."""
    return [Firing(TARGET, summary, description or _BEHIND[alert])]


URGENT = {"council": "adur", "service": "ict", "priority": "urgent"}
NEXT = series("next_breach_working_seconds", URGENT)
TEN_MINUTES = Firing(
    URGENT, "An item of adur (ict, urgent) is about to breach", "10m 0s of its target are left, and the clock runs."
)
ITEMS_ABOUT_TO_BREACH = (
    AlertCase(
        name="its clock runs out", alert="ItemAboutToBreach", series={NEXT: "1200-15x40"}, at="10m", fires=[TEN_MINUTES]
    ),
    AlertCase(
        name="it is opened with little time",
        alert="ItemAboutToBreach",
        series={NEXT: "_x36 660-15x10"},
        at="10m",
        fires=[TEN_MINUTES],
    ),
    AlertCase(
        name="two instances export it",
        alert="ItemAboutToBreach",
        series={NEXT: "1200-15x40", NEXT.replace('"a"', '"b"'): "1215-15x40"},
        at="10m",
        fires=[TEN_MINUTES],
    ),
    AlertCase(name="the service is closed", alert="ItemAboutToBreach", series={NEXT: "600x40"}, at="10m"),
    AlertCase(name="time enough is left", alert="ItemAboutToBreach", series={NEXT: "7200-15x40"}, at="10m"),
    AlertCase(
        name="it is of normal priority",
        alert="ItemAboutToBreach",
        series={NEXT.replace("urgent", "normal"): "1200-15x40"},
        at="10m",
    ),
)

ALLOWANCES = (
    AlertCase(
        name="two are left",
        alert="FewMissesRemaining",
        series=remaining("2x40", "0.8x40"),
        at="5m",
        fires=of_target("FewMissesRemaining", "adur has 2 misses remaining of resolve (ict)"),
    ),
    AlertCase(
        name="the first miss of a small allowance",
        alert="FewMissesRemaining",
        series=remaining("_x8 0x40", "_x8 1x40"),
        at="5m",
        fires=of_target("FewMissesRemaining", "adur has 0 misses remaining of resolve (ict)"),
    ),
    AlertCase(name="three are left", alert="FewMissesRemaining", series=remaining("3x40", "0.5x40"), at="5m"),
    AlertCase(
        name="a small allowance is untouched", alert="FewMissesRemaining", series=remaining("2x40", "0x40"), at="5m"
    ),
    AlertCase(name="too much has missed", alert="FewMissesRemaining", series=remaining("-1x40", "1.2x40"), at="5m"),
    AlertCase(
        name="three quarters are used",
        alert="AllowanceConsumed",
        series=remaining("5x40", "0.75x40"),
        at="5m",
        fires=of_target("AllowanceConsumed", "adur has used 75% of the misses of resolve (ict)"),
    ),
    AlertCase(
        name="a replay shows at once that all are used",
        alert="AllowanceConsumed",
        series=remaining("_x8 0x40", "_x8 1x40"),
        at="5m",
        fires=of_target("AllowanceConsumed", "adur has used 100% of the misses of resolve (ict)"),
    ),
    AlertCase(name="less is used", alert="AllowanceConsumed", series=remaining("5x40", "0.74x40"), at="5m"),
    AlertCase(name="too much has missed", alert="AllowanceConsumed", series=remaining("-1x40", "1.2x40"), at="5m"),
    AlertCase(
        name="one too many missed",
        alert="AllowanceExhausted",
        series=remaining("-1x40", "1.2x40"),
        at="5m",
        fires=of_target(
            "AllowanceExhausted",
            "adur will miss its objective of resolve (ict)",
            "More has missed than the present period allows at its expected volume; misses remaining: -1.",
        ),
    ),
    AlertCase(
        name="none may miss, and the first one did",
        alert="AllowanceExhausted",
        series=remaining("_x8 -1x40", f"_x8{' +Inf' * 40}"),
        at="5m",
        fires=of_target(
            "AllowanceExhausted",
            "adur will miss its objective of resolve (ict)",
            "More has missed than the present period allows at its expected volume; misses remaining: -1.",
        ),
    ),
    AlertCase(name="none is left", alert="AllowanceExhausted", series=remaining("0x40", "1x40"), at="5m"),
)

BURN_RATES = (
    *(
        AlertCase(
            name=f"{times} times over {window}",
            alert="HighBurnRate",
            series=burn(window, f"{times}x40", missed=3),
            at="5m",
            fires=too_fast(window, times),
        )
        for window, times in (("1d", "6"), ("3d", "3"), ("5d", "2"), ("10d", "1"))
    ),
    AlertCase(
        name="born so",
        alert="HighBurnRate",
        series=burn("3d", "_x8 4x40", missed=5),
        at="5m",
        fires=too_fast("3d", "4"),
    ),
    AlertCase(name="not so fast", alert="HighBurnRate", series=burn("1d", "5.9x40", missed=3), at="5m"),
    AlertCase(name="only two missed", alert="HighBurnRate", series=burn("1d", "10x40", missed=2), at="5m"),
)

ADUR = {"council": "adur"}
SILENT = series("council_silent_working_seconds", ADUR)
FAILED, HELD = series("failed_items", ADUR), series("held_shards", ADUR)
UNMATCHED = series("unmatched_usage_events", {"council": "adur", "service": "payroll"})
PLAN_DUE = series("rectification_plan_due_timestamp_seconds", {"job": "billing"} | ADUR, agreement="adur-2026")
NOT_ARRIVING = "Either nothing happened there, or its events do not arrive and its figures are too good."
EVENTS_AND_ITEMS = (
    AlertCase(
        name="two working hours pass",
        alert="CouncilSilent",
        series={SILENT: "7000+15x40", SILENT.replace('"a"', '"b"'): "6990+15x40"},
        at="10m",
        fires=[Firing(ADUR, "No events from adur for 2.1 working hours", NOT_ARRIVING)],
    ),
    AlertCase(
        name="it has never sent any",
        alert="CouncilSilent",
        series={SILENT: "_x4 10800x40"},
        at="10m",
        fires=[Firing(ADUR, "No events from adur for 3.0 working hours", NOT_ARRIVING)],
    ),
    AlertCase(name="an event in time", alert="CouncilSilent", series={SILENT: "7000+15x10 0+15x40"}, at="10m"),
    AlertCase(
        name="a unit that the service does not count",
        alert="UsageNotCounted",
        series={UNMATCHED: "_x4 3x40"},
        at="5m",
        fires=[
            Firing(
                {"council": "adur", "service": "payroll"},
                "Usage of payroll by adur is not charged",
                "3 events of this month are in a unit that the service does not count.",
            )
        ],
    ),
    AlertCase(name="all are counted", alert="UsageNotCounted", series={UNMATCHED: "0x40"}, at="5m"),
    AlertCase(
        name="on two instances, until the due date",
        alert="RectificationPlanDue",
        series={PLAN_DUE: "_x4 3600x40", PLAN_DUE.replace('"a"', '"b"'): "_x4 3600x40"},
        at="5m",
        fires=[
            Firing(
                {"council": "adur", "agreement": "adur-2026"},
                "A rectification plan under adur-2026 is due to adur",
                "The service points of the agreement's year came to the agreed number. Due by 1970-01-01 01:00:00 +0000"
                " UTC.",
            )
        ],
    ),
    AlertCase(name="the due date is over", alert="RectificationPlanDue", series={PLAN_DUE: "299x40"}, at="5m"),
    AlertCase(
        name="on two instances",
        alert="ItemsFailed",
        series={FAILED: "0x4 1x40", FAILED.replace('"a"', '"b"'): "_x4 2x40"},
        at="5m",
        fires=[
            Firing(
                ADUR,
                "Items of adur could not be judged",
                "3 failed because of a bug, and are in no figure. All others go on.",
            )
        ],
    ),
    AlertCase(name="none", alert="ItemsFailed", series={FAILED: "0x40"}, at="5m"),
    AlertCase(
        name="in one partition",
        alert="CouncilHeld",
        series={HELD: "_x4 1x40"},
        at="5m",
        fires=[
            Firing(
                ADUR,
                "adur is not judged in 1 partitions",
                "More than ten of its items failed there: neither warnings nor breaches of any are published.",
            )
        ],
    ),
    AlertCase(name="none", alert="CouncilHeld", series={HELD: "0x40"}, at="5m"),
)

CASES = (*ITEMS_ABOUT_TO_BREACH, *ALLOWANCES, *BURN_RATES, *EVENTS_AND_ITEMS)
