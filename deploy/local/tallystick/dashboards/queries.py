"""The words in which the dashboards ask Prometheus, its choices and its marks.

Every instance exports the figures of the read model alike: they are read with `max by`. What a partition's owner
exports is summed, and so are the rates of what each instance did itself: docs/metrics.md says which is which.
"""

from collections.abc import Sequence

from tallystick.dashboards.dashboard import Annotation, Choice
from tallystick.dashboards.panels import Link

HOUR_S = 3600
COUNCIL = 'council=~"$council"'
SERVICE = f'{COUNCIL}, service=~"$service"'
TARGET = f'{SERVICE}, target=~"$target"'
BY_TARGET = "council, service, agreement, target, measure"
_NAMES = "max by (council, name) (tallystick_council_info)"

COUNCILS = Choice("council", "Council", f"query_result({_NAMES})", r'/council="(?<value>[^"]+)",name="(?<text>[^"]+)"/')
ONE_COUNCIL = Choice("council", "Council", COUNCILS.query, COUNCILS.pattern, all_of_them=False)
SERVICES = Choice("service", "Service", f"label_values(tallystick_attainment_items{{{COUNCIL}}}, service)")
TARGETS = Choice("target", "Target", f"label_values(tallystick_attainment_items{{{SERVICE}}}, target)")
BILLED_SERVICES = Choice("service", "Service", f"label_values(tallystick_unmatched_usage_events{{{COUNCIL}}}, service)")
PROCESSES = Choice("job", "Service", "label_values(tallystick_build_info, job)")
GROUPS = Choice("group", "Consumer group", "label_values(tallystick_consumer_lag_records, group)")

COUNCIL_DASHBOARD = Link("This council's dashboard", "/d/tallystick-one-council?var-council=${__data.fields.council}")
COUNCIL_PAGE = Link("This council's attainment page", "${pages:raw}/attainment#${__data.fields.council}")


def runbook(alert: str) -> Link:
    """The runbook of an alert."""
    return Link(f"Runbook {alert}", f"${{docs:raw}}/runbooks/{alert}.md")


def figure(metric: str, by: str, where: str) -> str:
    """A figure that every instance exports alike."""
    return f"max by ({by}) ({metric}{{{where}}})"


def owned(metric: str, by: str, where: str = "") -> str:
    """The sum of a figure that the owner of each partition exports."""
    return f"sum by ({by}) ({metric}{{{where}}})"


def added(counter: str, by: str, where: str, over: str = "$__rate_interval") -> str:
    """By how much a counter of each instance's own has grown in the time that `over` spans."""
    return f"sum by ({by}) (increase({counter}{{{where}}}[{over}]))"


def rate(counter: str, by: str, where: str) -> str:
    """How much a counter of each instance's own grows in a second."""
    return f"sum by ({by}) (rate({counter}{{{where}}}[$__rate_interval]))"


def share_below(histogram: str, share: float, by: Sequence[str], where: str) -> str:
    """What the given share of a histogram's observations lies below."""
    labels = ", ".join([*by, "le"])
    return f"histogram_quantile({share}, sum by ({labels}) (rate({histogram}_bucket{{{where}}}[$__rate_interval])))"


def named(expr: str) -> str:
    """An answer by council, with the council's name."""
    return f"({expr}) * on (council) group_left (name) {_NAMES}"


def misses_remaining(where: str = TARGET) -> str:
    """By target: how many more may miss."""
    return figure("tallystick_misses_remaining", BY_TARGET, where)


def allowance_consumed(where: str = TARGET) -> str:
    """By target: the share of the allowed misses that is used up."""
    return figure("tallystick_allowance_consumed_ratio", BY_TARGET, where)


def nearly_used_up(where: str = TARGET) -> str:
    """By target, 1 where something missed and at most two more may, else 0.

    A target that allows no more than two from the start is not near its limit before the first of them.
    """
    return f"(({misses_remaining(where)}) <= bool 2) * (({allowance_consumed(where)}) > bool 0)"


def or_none(expr: str, by: str = "") -> str:
    """The answer, and 0 for whatever else has targets: no figure is exported of what has nothing open or decided.

    Without a monitor there is no answer at all.
    """
    grouped = f"sum by ({by})" if by else "sum"
    return f"{expr} or 0 * {grouped} ({figure('tallystick_attainment_items', BY_TARGET, TARGET)})"


def hours(expr: str) -> str:
    """Seconds as hours: Grafana would make days of 24 hours out of working seconds."""
    return f"({expr}) / {HOUR_S}"


NOTHING_DECIDED = "while nothing of a target's period is decided or open"

BREACHES = Annotation(
    "Breaches",
    added("tallystick_verdicts_total", "council, service, target", f'{TARGET}, outcome="breached"') + " > 0",
    "Breach: {{council}}, {{service}}, {{target}}",
    ["council", "service", "target"],
    "red",
)
BREACHES_OF_COUNCILS = Annotation(
    "Breaches",
    added("tallystick_verdicts_total", "council", f'{COUNCIL}, outcome="breached"') + " > 0",
    "Breaches: {{council}}",
    ["council"],
    "red",
)
CORRECTIONS = Annotation(
    "Corrections",
    added("tallystick_verdict_corrections_total", "council, cause", COUNCIL) + " > 0",
    "Verdicts corrected: {{council}}, cause {{cause}}",
    ["council", "cause"],
    "purple",
)
# A total of the catalogue's database, which each of its instances exports. It does not say whose agreement it is.
NEW_VERSIONS = Annotation(
    "New versions",
    'max by (kind) (increase(tallystick_announced_versions_total{kind=~"agreement|calendar|tariff"}[$__rate_interval]))'
    " > 0",
    "New version: {{kind}}",
    ["kind"],
    "blue",
)
MARKS = [BREACHES, CORRECTIONS, NEW_VERSIONS]
