"""What makes the alerts of deploy/prometheus/rules/pipeline.yml fire, and what does not. A scrape is 15 seconds."""

from collections.abc import Mapping

from tests.support.alert_cases_of_councils import series
from tests.support.alerts import AlertCase, Firing

JOB = {"job": "sla-monitor"}
GROUP = JOB | {"group": "sla-monitor"}
TOPIC = GROUP | {"topic": "provider.work.v1"}
SHARD = TOPIC | {"partition": "3"}
ALL_UP = {f'up{{job="{job}",instance="a"}}': "1x400" for job in ("catalogue", "sla-monitor", "billing")}
SECOND = 'up{job="sla-monitor",instance="b"}'


def other(name: str) -> str:
    """The same series of another instance."""
    return name.replace('instance="a"', 'instance="b"')


def without(job: str) -> dict[str, str]:
    """All services but one are up."""
    return {name: values for name, values in ALL_UP.items() if f'"{job}"' not in name}


def one(labels: Mapping[str, str], summary: str, description: str) -> list[Firing]:
    """One alert fires."""
    return [Firing(labels, summary, description)]


UNACCOUNTED = series("consumer_unaccounted_records", SHARD)
OPEN = series("quarantine_open_records", TOPIC)
HALTED = series("consumer_halted", SHARD)
PARKED = series("consumer_parked_records", SHARD)
AGREEMENTS = series("catalogue_versions", JOB, kind="agreement")
ANNOUNCED = series("announced_versions_total", {"job": "catalogue", "kind": "agreement"})
NO_AGREEMENT = "Every record is parked and every statement missing: the catalogue's log is empty or was lost."
UNDECIDED = "They count nowhere until somebody decides: redrive or discard."
RECORDS = (
    AlertCase(
        name="one was counted twice",
        alert="RecordsUnaccounted",
        series={UNACCOUNTED: "_x4 -1x40"},
        at="5m",
        fires=one(
            SHARD,
            "sla-monitor cannot account for records of provider.work.v1/3",
            "Of the offsets passed, 1 have no result or two. Figures may be wrong: issue no statements.",
        ),
    ),
    AlertCase(name="all are", alert="RecordsUnaccounted", series={UNACCOUNTED: "0x40"}, at="5m"),
    AlertCase(
        name="the first one, shown by two instances",
        alert="RecordsQuarantined",
        series={OPEN: "0x4 1x40", other(OPEN): "_x4 1x40"},
        at="5m",
        fires=one(TOPIC, "sla-monitor has 1 records of provider.work.v1 in quarantine", UNDECIDED),
    ),
    AlertCase(name="decided about", alert="RecordsQuarantined", series={OPEN: "1x4 0x40"}, at="5m"),
    AlertCase(
        name="halted before the first scrape",
        alert="PartitionHalted",
        series={HALTED: "_x4 1x40"},
        at="5m",
        fires=one(
            SHARD,
            "sla-monitor has halted provider.work.v1/3",
            "Too many records were invalid; nothing more of the partition is processed until somebody decides.",
        ),
    ),
    AlertCase(name="it goes on", alert="PartitionHalted", series={HALTED: "1x4 0x40"}, at="5m"),
    AlertCase(
        name="for an hour, while the partition moves to another instance",
        alert="RecordsParked",
        series={PARKED: "_x4 2x120 stale", other(PARKED): "_x125 2x200"},
        at="65m",
        fires=one(
            TOPIC,
            "2 records of provider.work.v1 wait for a council, a service or an agreement",
            "For an hour they have been valid but name what the catalogue does not have. They count once it has.",
        ),
    ),
    AlertCase(name="a quarter of an hour", alert="RecordsParked", series={PARKED: "2x60 0x300"}, at="65m"),
    AlertCase(
        name="one of two instances",
        alert="NoCatalogueKnown",
        series={AGREEMENTS: "_x4 0x40", other(AGREEMENTS): "5x40"},
        at="5m",
        fires=one(JOB, "sla-monitor knows no agreement", NO_AGREEMENT),
    ),
    AlertCase(name="it reads the log at a start", alert="NoCatalogueKnown", series={AGREEMENTS: "0x4 5x40"}, at="5m"),
    AlertCase(
        name="its log lost some",
        alert="CatalogueBehind",
        series={AGREEMENTS: "3x80", ANNOUNCED: "_x4 5x80"},
        at="15m",
        fires=one(
            JOB | {"kind": "agreement"},
            "sla-monitor does not know every agreement of the catalogue",
            "It has read 3 versions, fewer than the catalogue has announced.",
        ),
    ),
    AlertCase(name="it knows all", alert="CatalogueBehind", series={AGREEMENTS: "5x80", ANNOUNCED: "5x80"}, at="15m"),
)

LAG = series("consumer_lag_seconds", SHARD)
OVERDUE = series("due_overdue_seconds", JOB)
STORE = series("store_up", JOB, store="state")
BUSY = series("consumer_batches_total", GROUP, ending="busy")
OUTBOX = series("outbox_age_seconds", JOB)
TOO_LATE = "Records have waited so long to be applied: verdicts or statements are not up to date."
SILENT_STORE = "bus is Kafka, state is Redis, database is PostgreSQL. The service waits, and goes on by itself."
PROGRESS = (
    AlertCase(
        name="records wait",
        alert="FallingBehind",
        series={LAG: "0+15x80", HALTED: "0x80"},
        at="15m",
        fires=one(GROUP, "sla-monitor is 15m 0s behind", TOO_LATE),
    ),
    AlertCase(
        name="one partition is halted, and another one is behind",
        alert="FallingBehind",
        series={
            LAG: "0+30x80",
            HALTED: "1x80",
            LAG.replace('"3"', '"4"'): "_x4 600x80",
            HALTED.replace('"3"', '"4"'): "0x80",
        },
        at="15m",
        fires=one(GROUP, "sla-monitor is 10m 0s behind", TOO_LATE),
    ),
    AlertCase(
        name="only the halted partition is behind",
        alert="FallingBehind",
        series={LAG: "0+15x80", HALTED: "1x80"},
        at="15m",
    ),
    AlertCase(name="it keeps up", alert="FallingBehind", series={LAG: "20x80", HALTED: "0x80"}, at="15m"),
    AlertCase(
        name="an item waits to be evaluated",
        alert="TimersLate",
        series={OVERDUE: "_x4 120x40", other(OVERDUE): "0x40"},
        at="5m",
        fires=one(
            JOB,
            "Breaches are published 2m 0s late",
            "An item is due and not evaluated yet: the monitor is behind, or a partition has no consumer.",
        ),
    ),
    AlertCase(name="none waits", alert="TimersLate", series={OVERDUE: "1x40"}, at="5m"),
    AlertCase(
        name="one of two instances cannot reach it",
        alert="StoreDown",
        series={STORE: "_x4 0x40", other(STORE): "1x40"},
        at="5m",
        fires=one(JOB | {"store": "state"}, "The state of sla-monitor does not answer", SILENT_STORE),
    ),
    AlertCase(name="it is back", alert="StoreDown", series={STORE: "0x4 1x40"}, at="5m"),
    AlertCase(
        name="every batch again and again",
        alert="BatchesRetried",
        series={BUSY: "0x4 1+1x80"},
        at="12m",
        fires=one(
            GROUP,
            "sla-monitor cannot store what it reads",
            "Batches have been retried for five minutes: a store answers, perhaps, but refuses what is written.",
        ),
    ),
    AlertCase(name="one batch once", alert="BatchesRetried", series={BUSY: "0x4 1x80"}, at="6m"),
    AlertCase(
        name="a result waits",
        alert="AnnouncementsWaiting",
        series={OUTBOX: "_x4 400x40"},
        at="5m",
        fires=one(JOB, "sla-monitor cannot publish", "A result has waited 6m 40s for the log to accept it."),
    ),
    AlertCase(name="a moment", alert="AnnouncementsWaiting", series={OUTBOX: "0x4 2x40"}, at="5m"),
)

ABSENT = "For two minutes Prometheus has found no instance of the service that answers."
STARTED = 'process_start_time_seconds{job="sla-monitor",instance="a"}'
LOOP = 'tallystick_event_loop_lag_seconds_bucket{job="sla-monitor",instance="a",le="%s"}'
ERRORS = series("http_errors_total", JOB, method="GET", route="/v1/items/{item}")
A = {"job": "sla-monitor", "instance": "a"}
PROCESSES = (
    AlertCase(
        name="it has no address",
        alert="ServiceAbsent",
        series=without("sla-monitor"),
        at="5m",
        fires=one(JOB, "No instance of sla-monitor answers", ABSENT),
    ),
    AlertCase(
        name="neither of two answers",
        alert="ServiceAbsent",
        series=without("sla-monitor") | {SECOND.replace('"b"', '"a"'): "0x40", SECOND: "_x4 0x40"},
        at="5m",
        fires=one(JOB, "No instance of sla-monitor answers", ABSENT),
    ),
    AlertCase(
        name="it is started again and again, and never answers",
        alert="ServiceAbsent",
        series=without("sla-monitor") | {SECOND: "0x3 stale _x3 0x3 stale _x3 0x3 stale _x3"},
        at="5m",
        fires=one(JOB, "No instance of sla-monitor answers", ABSENT),
    ),
    AlertCase(name="one of two answers", alert="ServiceAbsent", series=ALL_UP | {SECOND: "0x40"}, at="5m"),
    AlertCase(
        name="one of two",
        alert="InstanceDown",
        series=ALL_UP | {SECOND: "_x4 0x40"},
        at="5m",
        fires=one(
            JOB | {"instance": "b"},
            "sla-monitor at b does not answer",
            "It has an address, but its metrics could not be read for two minutes.",
        ),
    ),
    AlertCase(name="one scrape failed", alert="InstanceDown", series=ALL_UP | {SECOND: "1x4 0 1x40"}, at="5m"),
    AlertCase(
        name="a container died and left no address",
        alert="InstancesMissing",
        series=ALL_UP | {SECOND: "1x40 stale"},
        at="25m",
        fires=one(
            JOB,
            "Instances of sla-monitor are missing",
            "1 answer, fewer than the cluster was asked for, or than ran in the last day.",
        ),
    ),
    AlertCase(
        name="the cluster was asked for more than have ever run",
        alert="InstancesMissing",
        series=ALL_UP
        | {'kube_deployment_spec_replicas{namespace="tallystick",deployment="sla-monitor",job="kube"}': "_x4 3x100"},
        at="25m",
        fires=one(
            JOB,
            "Instances of sla-monitor are missing",
            "1 answer, fewer than the cluster was asked for, or than ran in the last day.",
        ),
    ),
    AlertCase(
        name="the autoscaler stopped one",
        alert="InstancesMissing",
        series=ALL_UP
        | {
            SECOND: "1x40 stale",
            'kube_deployment_spec_replicas{namespace="tallystick",deployment="sla-monitor",job="kube"}': "2x40 1x60",
        },
        at="25m",
    ),
    AlertCase(
        name="a restart of five minutes", alert="InstancesMissing", series=ALL_UP | {SECOND: "1x40 0x20 1x60"}, at="20m"
    ),
    AlertCase(
        name="three starts in half an hour",
        alert="InstanceRestarting",
        series={STARTED: "100x10 200x10 300x10 400x10"},
        at="11m",
        fires=one(A, "sla-monitor at a ends again and again", "It was started 3 times in half an hour."),
    ),
    AlertCase(
        name="an upgrade and a setting", alert="InstanceRestarting", series={STARTED: "100x10 200x10 300x30"}, at="11m"
    ),
    AlertCase(
        name="one turn in a hundred",
        alert="EventLoopBlocked",
        series={LOOP % "0.25": "0+98x80", LOOP % "0.5": "0+100x80", LOOP % "+Inf": "0+100x80"},
        at="16m",
        fires=one(
            A,
            "The event loop of sla-monitor at a is blocked",
            "One turn in a hundred is 375ms late; after the session timeout Kafka evicts it.",
        ),
    ),
    AlertCase(
        name="a turn in a thousand",
        alert="EventLoopBlocked",
        series={LOOP % "0.25": "0+999x80", LOOP % "0.5": "0+1000x80", LOOP % "+Inf": "0+1000x80"},
        at="16m",
    ),
    AlertCase(
        name="five officers saw an error",
        alert="AnswersFailing",
        series={ERRORS: "0x20 2x100", other(ERRORS): "0x30 3x100"},
        at="12m",
        fires=one(
            JOB | {"route": "/v1/items/{item}"},
            "sla-monitor fails at /v1/items/{item}",
            "About 5 requests in a quarter of an hour ended in a server error or without an answer.",
        ),
    ),
    AlertCase(name="one saw one", alert="AnswersFailing", series={ERRORS: "0x20 1x100"}, at="12m"),
    AlertCase(
        name="always",
        alert="Watchdog",
        series=ALL_UP,
        at="1m",
        fires=one({}, "Alerts arrive", "This alert always fires. If it stops, no other alert can arrive either."),
    ),
)

CASES = (*RECORDS, *PROGRESS, *PROCESSES)
