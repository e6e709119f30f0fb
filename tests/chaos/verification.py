"""Everything that the oracle expects against everything that the services announced, stored and answer."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.fleet import Fleet
from tests.chaos.lag import PARTITIONS, READ_BY, VERDICTS, LagMonitor
from tests.chaos.oracle import log, stores, tickets
from tests.chaos.oracle.announcements import Announcements
from tests.chaos.oracle.pence import Usage
from tests.chaos.oracle.record_outcomes import RecordOutcomes
from tests.chaos.oracle.tickets import ExpectedVerdict, TargetKey
from tests.chaos.oracle.working_hours import month_of
from tests.chaos.servers import FREEZE_DAYS, Servers
from tests.chaos.traffic import DAY_S, TICKETS, USAGE, WORK
from tests.support.callers import token
from tests.support.service_process import get

SHOWN = 5
_KEY = ", ".join(TargetKey._fields)


@dataclass
class ExpectedResults:
    """What must hold, by the raw log alone."""

    verdicts: Mapping[TargetKey, ExpectedVerdict]
    usage: Usage
    outcomes_by_topic: Mapping[str, RecordOutcomes]
    announced: Announcements


@dataclass
class Verification:
    """`faults` is empty when all is as it must be; `facts` says how much that was."""

    faults: list[str] = field(default_factory=list)
    facts: dict[str, int] = field(default_factory=dict)

    def same(self, what: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
        """Faults are added for what is missing, too much, or other than expected."""
        self._add(f"{what}: missing", [(key, expected[key]) for key in expected.keys() - found.keys()])
        self._add(f"{what}: too many", [(key, found[key]) for key in found.keys() - expected.keys()])
        both = expected.keys() & found.keys()
        self._add(f"{what}: differ", [(key, expected[key], found[key]) for key in both if expected[key] != found[key]])

    def none(self, what: str, found: Sequence[Any]) -> None:
        """A fault is added where there are any."""
        self._add(what, found)

    def _add(self, what: str, found: Sequence[Any]) -> None:
        if found:
            shown = "; ".join(str(each) for each in sorted(found, key=str)[:SHOWN])
            self.faults.append(f"{what}, {len(found)} in all: {shown}")


async def expected_results(server: str, *, as_of: int) -> ExpectedResults:
    """All of it, from the topics that integrators and the monitor write."""
    outcomes_by_topic = {topic: RecordOutcomes() for topic in (TICKETS, WORK, USAGE)}
    usage, announced = Usage(), Announcements()
    of_tickets, of_work = [
        [
            record.event
            async for record in log.records(server, topic)
            if outcomes_by_topic[topic].take(record) != "quarantined"  # a repetition may have another sequence
        ]
        for topic in (TICKETS, WORK)
    ]
    usage.add_tickets(of_tickets)
    async for record in log.records(server, USAGE):
        if outcomes_by_topic[USAGE].take(record) == "applied":
            usage.add_reading(record.event)
    async for record in log.records(server, VERDICTS):
        announced.take(record)
    return ExpectedResults(tickets.verdicts([*of_tickets, *of_work], as_of=as_of), usage, outcomes_by_topic, announced)


def verify(expected: ExpectedResults, servers: Servers, fleet: Fleet, lag: LagMonitor) -> Verification:
    """The verdicts in all three places, the outcomes of all records, and every council's pence."""
    verification = Verification()
    announced = expected.announced
    verification.none("ids under which two things were announced", announced.contradicted)
    verification.same("announced verdicts", expected.verdicts, announced.verdicts)
    verification.same("verdicts counted", dict.fromkeys(_counted(expected.verdicts), 1), _sums(servers))
    adjusted = _adjusted(servers) | _corrected_when_frozen(servers)
    in_place = {key: each for key, each in expected.verdicts.items() if key not in adjusted}
    verification.same("read model", _plain(in_place), _read_model(servers, but=adjusted))
    verification.same("billing's verdicts", _brief(expected.verdicts), _billed_verdicts(servers))
    (history,) = stores.query(servers.database("sla_monitor"), "SELECT count(*) FROM announcement")[0]
    (archived,) = stores.query(servers.database("sla_monitor"), "SELECT count(*) FROM archived_item")[0]
    verification.none("no ended item was archived", [] if archived else ["none"])
    verification.same("announcements kept", {"ids": announced.ids}, {"ids": history})
    for reader in READ_BY:
        _conserved(verification, reader, lag, expected.outcomes_by_topic)
    billing = fleet.of("billing")[0]
    verification.same("pence", _pence(expected.usage), dict(_answered(billing.url("/v1/statements"), expected.usage)))
    verification.facts |= {**_facts(expected), "verdicts adjusted": len(adjusted), "items archived": archived}
    return verification


def _plain(verdicts: Mapping[TargetKey, ExpectedVerdict]) -> dict[TargetKey, tuple[object, ...]]:
    return {key: (each.outcome, each.month, each.due, each.elapsed) for key, each in verdicts.items()}


def _brief(verdicts: Mapping[TargetKey, ExpectedVerdict]) -> dict[TargetKey, tuple[str, str]]:
    return {key: (each.outcome, each.month) for key, each in verdicts.items()}


def _counted(verdicts: Mapping[TargetKey, ExpectedVerdict]) -> Iterable[tuple[str, ...]]:
    return [(*key, each.outcome, each.month) for key, each in verdicts.items()]


def _sums(servers: Servers) -> dict[tuple[str, ...], int]:
    """How often a target is counted as met or breached in a month: by the verdict in place, and by its adjustments."""
    rows = stores.query(
        servers.database("sla_monitor"),
        f"""
        SELECT {_KEY}, outcome, month, sum(n)::integer FROM (
            SELECT {_KEY}, outcome, month, 1 AS n FROM verdict
            UNION ALL SELECT {_KEY}, was, was_month, -1 FROM adjustment WHERE was IS NOT NULL
            UNION ALL SELECT {_KEY}, now, month, 1 FROM adjustment WHERE now IS NOT NULL
        ) AS counted GROUP BY {_KEY}, outcome, month HAVING sum(n) <> 0
        """,  # noqa: S608 (our own names)
    )
    return {tuple(row[:-1]): row[-1] for row in rows}


def _adjusted(servers: Servers) -> set[TargetKey]:
    rows = stores.query(servers.database("sla_monitor"), f"SELECT DISTINCT {_KEY} FROM adjustment")  # noqa: S608 (ours)
    return {TargetKey(*row) for row in rows}


def _corrected_when_frozen(servers: Servers) -> set[TargetKey]:
    """What was decided anew in a frozen month. Where outcome and month stay, so do its figures there, unadjusted.

    After a loss of live state that may be said as a first verdict, too, at the next opening time after the deadline:
    of Friday 30 October in November.
    """
    rows = stores.query(
        servers.database("sla_monitor"),
        f"""
        SELECT {_KEY}, verdict.month, extract(epoch FROM max(at))::bigint FROM verdict JOIN (
            SELECT {_KEY}, at, row_number() OVER (PARTITION BY {_KEY} ORDER BY position) AS place
            FROM announcement WHERE kind <> 'warning'
        ) AS decided USING ({_KEY}) WHERE place > 1 GROUP BY {_KEY}, verdict.month
        """,  # noqa: S608 (our own names)
    )
    return {TargetKey(*row[:-2]) for row in rows if month_of(row[-1] - FREEZE_DAYS * DAY_S) > row[-2]}


def _read_model(servers: Servers, *, but: Container[TargetKey]) -> dict[TargetKey, tuple[object, ...]]:
    columns = f"{_KEY}, outcome, month, extract(epoch FROM due_at)::bigint, elapsed_s"
    rows = stores.query(servers.database("sla_monitor"), f"SELECT {columns} FROM verdict")  # noqa: S608 (ours)
    found = {TargetKey(*row[:-4]): tuple(row[-4:]) for row in rows}
    return {key: row for key, row in found.items() if key not in but}


def _billed_verdicts(servers: Servers) -> dict[TargetKey, tuple[str, str]]:
    rows = stores.query(servers.database("billing"), f"SELECT {_KEY}, outcome, month FROM verdict")  # noqa: S608 (ours)
    return {TargetKey(*row[:-2]): (row[-2], row[-1]) for row in rows if row[-2] != "retracted"}


def _conserved(
    verification: Verification, reader: str, lag: LagMonitor, outcomes_by_topic: Mapping[str, RecordOutcomes]
) -> None:
    """Every record of every shard has one outcome; in the topics of which we expect each, that one."""
    progress = lag.progress(reader)
    verification.none(f"{reader}: records without an outcome", [each for each in progress if each.unaccounted])
    for topic in {"billing": (TICKETS, WORK, USAGE), "sla_monitor": (TICKETS, WORK)}.get(reader, ()):
        found: Counter[tuple[int, str]] = Counter()
        for each in progress:
            if each.topic == topic:
                found.update({(each.partition, outcome): count for outcome, count in each.outcomes.items() if count})
        about = f"{reader} of {topic}"
        verification.same(f"{about}: outcomes", outcomes_by_topic[topic].outcomes, found)
        verification.same(f"{about}: shards", dict.fromkeys(range(PARTITIONS)), dict.fromkeys(key[0] for key in found))


def _pence(usage: Usage) -> dict[tuple[str, str], int]:
    return {account: usage.total_pence(account) for account in usage.accounts}


def _answered(url: str, usage: Usage) -> Iterable[tuple[tuple[str, str], int]]:
    for month in sorted({month for _, month in usage.accounts}):
        status, body = get(f"{url}?month={month}", headers={"Authorization": f"Bearer {token()}"})
        if status != 200:
            raise RuntimeError(f"billing answered {status} for {month}")
        for statement in json.loads(body)["statements"]:
            if (statement["council"], month) in usage.accounts:
                yield (statement["council"], month), statement["total_pence"]


def _of_two(verdicts: Mapping[TargetKey, ExpectedVerdict]) -> int:
    """How many items have verdicts under both of their council's agreements: of the one they kept a miss."""
    agreements = {(key.council, key.stream, key.item, key.agreement) for key in verdicts}
    return len(agreements) - len({each[:-1] for each in agreements})


def _facts(expected: ExpectedResults) -> dict[str, int]:
    outcomes_by_topic = expected.outcomes_by_topic
    return {
        **{
            f"{topic} {outcome}": outcomes_by_topic[topic].total(outcome)
            for topic in outcomes_by_topic
            for outcome in stores.OUTCOMES[:3]
        },
        "verdicts": len(expected.verdicts),
        "verdicts on work": sum(key.stream == "work" for key in expected.verdicts),
        "items under two agreements": _of_two(expected.verdicts),
        "announcements": expected.announced.ids,
        "announcements repeated": expected.announced.repeated,
        "statements": len(expected.usage.accounts),
        "pence": sum(_pence(expected.usage).values()),
        **expected.announced.kinds,
    }
