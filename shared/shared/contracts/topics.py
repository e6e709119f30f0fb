"""Every topic. Its partition count is part of the contract: a service refuses to start with another one."""

from dataclasses import dataclass

from shared.contracts.scalars import Stream

PARTITIONS = 12


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. `key` says what shares a partition; `retention_days` is None where it is compacted."""

    name: str
    key: str
    partitions: int
    retention_days: int | None
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]


# A financial year and the month after it: what a rebuild needs to evaluate every open period again.
REPLAYABLE_DAYS = 400

TICKETS = Topic(
    "provider.tickets.v1", "council:ticket", PARTITIONS, REPLAYABLE_DAYS, ("integrators",), ("sla-monitor", "billing")
)
WORK = Topic(
    "provider.work.v1", "council:item", PARTITIONS, REPLAYABLE_DAYS, ("integrators",), ("sla-monitor", "billing")
)
USAGE = Topic("provider.usage.v1", "council:reading", PARTITIONS, REPLAYABLE_DAYS, ("integrators",), ("billing",))
CATALOGUE = Topic(
    "catalogue.changes.v1",
    "kind:id:version, signing-key:id, access:principal or proposal:id",
    1,
    None,
    ("catalogue",),
    ("catalogue", "sla-monitor", "billing"),
)
DECISIONS = Topic(
    "sla.decisions.v1",
    "exclusion:id:step, correction:id:step or item:id:step",
    1,
    None,
    ("sla-monitor",),
    ("sla-monitor", "billing"),
)
VERDICTS = Topic(
    "sla.verdicts.v1", "council:item", PARTITIONS, REPLAYABLE_DAYS, ("sla-monitor",), ("sla-monitor", "billing")
)
STATEMENTS = Topic(
    "billing.statements.v1", "council:statement:step or sealing-key:id", 1, None, ("billing",), ("billing",)
)

_AUDITED = ("catalogue", "sla-monitor", "billing")
AUDIT = Topic("audit.entries.v1", "service:number", 1, None, _AUDITED, _AUDITED)

# Where the events of items are, by what an item is; one of `service` is an outage.
TOPIC_OF_STREAM: dict[Stream, str] = {"ticket": TICKETS.name, "work": WORK.name, "service": WORK.name}

TOPICS = (TICKETS, WORK, USAGE, CATALOGUE, DECISIONS, VERDICTS, STATEMENTS, AUDIT)
