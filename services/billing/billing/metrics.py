"""Billing's metrics: the annotated list, and the figures of the running month and of the statement run.

They are for display: what is payable is on the statement, never here.
"""

from collections.abc import Mapping
from datetime import timedelta

from prometheus_client import CollectorRegistry

from billing.domain.statement import Statement
from billing.run_metrics import RUN_METRICS
from billing.statements.drafts import MonthOfStatements
from billing.store.sql import GROUP
from shared.metrics.definition import Exporter, Figures, MetricDefinition, SampledMetrics
from shared.metrics.every_service import (
    CATALOGUE_VERSIONS,
    OUTBOX_AGE,
    OUTBOX_METRICS,
    OUTBOX_WAITING,
    PROCESS_METRICS,
    QUARANTINE_OPEN,
    READER_METRICS,
)
from shared.metrics.groups import FirstSeen, GroupMetrics
from shared.period import local_midnight

_PENCE_A_POUND = 100

CHARGES = MetricDefinition(
    name="tallystick_charges_gbp",
    kind="gauge",
    unit="pounds sterling before VAT",
    labels=("council",),
    meaning="Charges of the running month so far, before service credits. For display only: bill from statements.",
    action="A step that nobody expects: compare the statement in progress with last month's.",
    exporter=Exporter.EVERY_INSTANCE,
)
CREDITS = MetricDefinition(
    name="tallystick_credits_gbp",
    kind="gauge",
    unit="pounds sterling before VAT",
    labels=("council",),
    meaning="Service credits of the running month so far, above 0. For display only.",
    action="See tallystick_misses_remaining of the council: credits follow from its missed targets.",
    exporter=Exporter.EVERY_INSTANCE,
)
UNMATCHED = MetricDefinition(
    name="tallystick_unmatched_usage_events",
    kind="gauge",
    unit="events",
    labels=("council", "service"),
    meaning="Usage events of the running month in a unit that the service does not count. Nobody is charged for them.",
    action="Tell the sender the service's unit; the statement's page lists them.",
    exporter=Exporter.EVERY_INSTANCE,
)
PLAN_DUE = MetricDefinition(
    name="tallystick_rectification_plan_due_timestamp_seconds",
    kind="gauge",
    unit="seconds since 1970",
    labels=("council", "agreement"),
    meaning="The end of the day on which a rectification plan is due, while the agreement's year goes on.",
    action="Alert RectificationPlanDue: agree the plan with the council before that.",
    exporter=Exporter.EVERY_INSTANCE,
)
JUDGED_AGE = MetricDefinition(
    name="tallystick_judged_through_age_seconds",
    kind="gauge",
    unit="seconds",
    meaning="Age of the instant before which the monitor has judged everything; +Inf until each partition has a mark.",
    action="Over 2 hours no month can be closed: see tallystick_consumer_lag_records of the monitor, then of billing.",
    exporter=Exporter.EVERY_INSTANCE,
)
METRICS = (
    *READER_METRICS,
    *OUTBOX_METRICS,
    *PROCESS_METRICS,
    CHARGES,
    CREDITS,
    UNMATCHED,
    PLAN_DUE,
    JUDGED_AGE,
    *RUN_METRICS,
)


class BillingMetrics:
    """The metrics of billing's group, and the figures of the running month."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.groups = GroupMetrics(registry)
        self._read_model = SampledMetrics(registry)
        self._outbox, self._oldest = SampledMetrics(registry), FirstSeen()

    def show_outbox(self, waiting: int, *, first: int | None) -> None:
        """So many steps of statements are `waiting` to be published, the oldest of them at the position `first`."""
        age_s = self._oldest.oldest_s([] if first is None else [first])
        self._outbox.show({OUTBOX_WAITING: {(): waiting}, OUTBOX_AGE: {(): age_s}})

    def show(
        self,
        month: MonthOfStatements,
        *,
        versions: Mapping[str, int],
        open_: Mapping[str, int],
        judged_age_s: float,
        others: Figures,
    ) -> None:
        """The month's statements, the catalogue's versions by kind and the undecided quarantine by topic are shown.

        So is how long ago the instant is through which everything has been judged, and so are the `others`.
        """
        self._read_model.show(
            {
                CHARGES: {(each.council.id,): each.charges_pence / _PENCE_A_POUND for each in month.statements},
                CREDITS: {(each.council.id,): each.credits_pence / _PENCE_A_POUND for each in month.statements},
                UNMATCHED: {
                    (each.council.id, service): events
                    for each in month.statements
                    for service, events in _unmatched(each).items()
                },
                PLAN_DUE: {
                    (each.council.id, plan.agreement): local_midnight(plan.due_on + timedelta(days=1)).timestamp()
                    for each in month.statements
                    for plan in each.plans
                },
                JUDGED_AGE: {(): judged_age_s},
                CATALOGUE_VERSIONS: {(kind,): count for kind, count in versions.items()},
                QUARANTINE_OPEN: {(GROUP, topic): count for topic, count in open_.items()},
                **others,
            }
        )


def _unmatched(statement: Statement) -> dict[str, int]:
    """Events by service; 0 for each service on the statement of which there are none."""
    unmatched = {charges.service.id: 0 for charges in statement.services}
    for each in statement.evidence.unbilled:
        if each.reason == "wrong-unit" and each.service is not None:
            unmatched[each.service] = unmatched.get(each.service, 0) + each.events
    return unmatched
