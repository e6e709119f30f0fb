"""Pipeline health: whether events become verdicts and charges, and where it is held up.

RED (rate, errors, duration) for what answers HTTP; USE (utilisation, saturation, errors) for consumers and stores.
"""

from tallystick.dashboards.dashboard import Dashboard, Row
from tallystick.dashboards.panels import (
    PER_SECOND,
    SECONDS,
    SHARE,
    Link,
    Query,
    lines,
    number,
    states,
)
from tallystick.dashboards.processes import ANSWERS, PROCESSES_OF_SERVICES
from tallystick.dashboards.queries import GROUPS, NEW_VERSIONS, PROCESSES, added, owned, rate, runbook, share_below

_GROUP = 'group=~"$group"'
_BATCHES = "tallystick_consumer_batch_seconds"
_EVERYWHERE = ""
_FAILING_ENDINGS = f'{_GROUP}, ending!="applied"'


def _sum_of(metric: str, where: str = _EVERYWHERE) -> str:
    return f"sum({owned(metric, 'group', where)})"


_FIGURES = Row(
    "Is every figure right and up to date?",
    [
        number(
            "Records unaccounted for",
            "Records without a result or with two. Always none, or figures are wrong: issue no statements.",
            f"sum(abs(tallystick_consumer_unaccounted_records{{{_GROUP}}}))",
            act_from=1,
            links=[runbook("RecordsUnaccounted")],
        ),
        number(
            "Partitions halted",
            "Partitions of which nothing is processed until somebody decides what to do with many invalid records.",
            _sum_of("tallystick_consumer_halted", _GROUP),
            act_from=1,
            links=[runbook("PartitionHalted")],
        ),
        number(
            "Quarantined, undecided",
            "Quarantined records about which nobody has decided yet. They count nowhere.",
            f"sum(max by (group, topic) (tallystick_quarantine_open_records{{{_GROUP}}}))",
            act_from=1,
            links=[runbook("RecordsQuarantined")],
        ),
        number(
            "Parked records",
            "Valid records that wait for a council, a service or an agreement that the catalogue does not have.",
            _sum_of("tallystick_consumer_parked_records", _GROUP),
            act_from=1,
            links=[runbook("RecordsParked")],
        ),
        number(
            "Failed items",
            "Items that could not be judged because of a bug in Tallystick. They are in no figure.",
            f"sum({owned('tallystick_failed_items', 'council')})",
            act_from=1,
            links=[runbook("ItemsFailed")],
        ),
        number(
            "Councils held",
            "Councils of which some partition judges no item, because too many of its items failed there.",
            f"sum(({owned('tallystick_held_shards', 'council')}) > bool 0)",
            act_from=1,
            links=[runbook("CouncilHeld")],
        ),
    ],
)

_STORES = Row(
    "Services and stores",
    [
        states(
            "Instances",
            "Whether each instance that Prometheus knows answers it. One that is gone for good leaves the list.",
            Query('min by (job, instance) (up{job=~"$job"})', "{{job}} {{instance}}"),
            words={1: "answers", 0: "does not answer"},
            links=[runbook("InstanceDown")],
        ),
        states(
            "Stores: errors",
            "Whether the database, the state and the bus answered each service within five seconds.",
            Query("min by (job, store) (tallystick_store_up)", "{{job}} {{store}}"),
            words={1: "answers", 0: "does not answer"},
            links=[runbook("StoreDown")],
        ),
        lines(
            "Stores: saturation",
            "Results that the log does not hold yet, of all partitions. Above 0 for minutes: the log does not accept "
            "messages.",
            Query(owned("tallystick_outbox_waiting_messages", "job"), "{{job}}"),
            links=[runbook("AnnouncementsWaiting")],
        ),
        lines(
            "Age of the oldest waiting result",
            "How long the oldest result that the log does not hold has waited. Dashed: five minutes, from which an "
            "alert fires.",
            Query("max by (job) (tallystick_outbox_age_seconds)", "{{job}}"),
            unit=SECONDS,
            limits=[300],
            links=[runbook("AnnouncementsWaiting")],
        ),
    ],
)

_CONSUMERS = Row(
    "Consumers: utilisation, saturation, errors",
    [
        lines(
            "Utilisation",
            "Share of the time in which an instance applies batches, on average of the instances, by consumer group.",
            Query(f"avg by (group) (rate({_BATCHES}_sum{{{_GROUP}}}[$__rate_interval]))", "{{group}}"),
            unit=SHARE,
        ),
        lines(
            "Records applied",
            "Records by what became of them, each second: applied, duplicate, quarantined, absent.",
            Query(rate("tallystick_consumer_records_total", "group, outcome", _GROUP), "{{group}} {{outcome}}"),
            unit=PER_SECOND,
        ),
        lines(
            "Saturation: lag in records",
            "Records that are not applied yet, by group and topic.",
            Query(owned("tallystick_consumer_lag_records", "group, topic", _GROUP), "{{group}} {{topic}}"),
            links=[runbook("FallingBehind")],
        ),
        lines(
            "Saturation: lag in seconds",
            "How long the oldest record has waited that is not applied yet, by group and topic. It begins at 0 with "
            "a start.",
            Query(f"max by (group, topic) (tallystick_consumer_lag_seconds{{{_GROUP}}})", "{{group}} {{topic}}"),
            unit=SECONDS,
            links=[runbook("FallingBehind")],
        ),
        lines(
            "Errors: batches that were not applied",
            "Batches that ended busy (a store did not answer), fenced (another instance was first) or failed, each "
            "second.",
            Query(rate("tallystick_consumer_batches_total", "group, ending", _FAILING_ENDINGS), "{{group}} {{ending}}"),
            unit=PER_SECOND,
        ),
        lines(
            "Errors: quarantined records and fenced writes",
            "Records quarantined, and writes refused because another instance was first; some of these at each "
            "rebalance.",
            Query(
                added("tallystick_consumer_records_total", "group", f'{_GROUP}, outcome="quarantined"'),
                "{{group}} quarantined",
            ),
            Query(added("tallystick_fence_conflicts_total", "group", _GROUP), "{{group}} fenced"),
            bars=True,
            links=[runbook("RecordsQuarantined")],
        ),
        lines(
            "Time of a batch",
            "How long it takes to apply a batch: half of them are below the first line, 95% below the second.",
            Query(share_below(_BATCHES, 0.5, ["group"], _GROUP), "{{group}} half"),
            Query(share_below(_BATCHES, 0.95, ["group"], _GROUP), "{{group}} 95%"),
            unit=SECONDS,
        ).when_empty("while there is nothing to apply"),
        lines(
            "Parked records by topic",
            "Valid records that wait for a council, a service or an agreement, by group and topic.",
            Query(owned("tallystick_consumer_parked_records", "group, topic", _GROUP), "{{group}} {{topic}}"),
            links=[runbook("RecordsParked")],
        ),
    ],
)

_JUDGING = Row(
    "Judging on time",
    [
        lines(
            "Due items that wait",
            "How long the item longest due has waited to be judged. Dashed: one minute, from which breaches are "
            "published late.",
            Query("max(tallystick_due_overdue_seconds)", "longest due"),
            unit=SECONDS,
            limits=[60],
            links=[runbook("TimersLate")],
        ),
        lines(
            "Delay of breaches",
            "From when an item became due to when its breach was recorded; 95% are below. History sent late is late "
            "here too.",
            Query(share_below("tallystick_evaluation_delay_seconds", 0.95, [], _EVERYWHERE), "95%"),
            unit=SECONDS,
        ).when_empty("while nothing breaches"),
        lines(
            "Partitions not compared",
            "Partitions that may have published what live state has forgotten. After a loss of Redis it falls to 0 "
            "by itself.",
            Query("sum(tallystick_unreconciled_shards)", "not compared"),
        ),
        lines(
            "Archived items",
            "Ended items moved from live state to the database, each second. None for days: live state grows.",
            Query("sum(rate(tallystick_archived_items_total[$__rate_interval]))", "archived"),
            unit=PER_SECOND,
        ),
    ],
)

PIPELINE_HEALTH = Dashboard(
    uid="tallystick-pipeline-health",
    title="Pipeline health",
    description="For the engineer on duty: whether events become verdicts and charges, and what holds them up.",
    since="now-6h",
    rows=[_FIGURES, _STORES, _CONSUMERS, _JUDGING, ANSWERS, PROCESSES_OF_SERVICES],
    choices=[PROCESSES, GROUPS],
    annotations=[NEW_VERSIONS],
    links=[Link("Runbooks", "${docs:raw}/alerts.md")],
)
