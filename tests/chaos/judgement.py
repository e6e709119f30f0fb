"""Everything that the oracle expects against everything that the services announced, stored and answer."""

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.fleet import Fleet
from tests.chaos.meter import PARTITIONS, READ_BY, VERDICTS, Meter
from tests.chaos.oracle import log, stores, tickets
from tests.chaos.oracle.announced import Announced
from tests.chaos.oracle.arrivals import Arrivals
from tests.chaos.oracle.pence import Usage
from tests.chaos.oracle.tickets import Holds, Promise
from tests.chaos.servers import Servers
from tests.chaos.traffic import TICKETS, USAGE
from tests.support.service_process import get

SHOWN = 5


@dataclass
class Expected:
    """What must hold, by the raw log alone."""

    verdicts: Mapping[Promise, Holds]
    usage: Usage
    arrivals: Mapping[str, Arrivals]
    announced: Announced


@dataclass
class Judgement:
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


async def expectation(server: str, *, as_of: int) -> Expected:
    """All of it, from the topics that integrators and the monitor write."""
    arrivals = {TICKETS: Arrivals(), USAGE: Arrivals()}
    usage, announced = Usage(), Announced()
    happened = [record.event async for record in log.records(server, TICKETS) if arrivals[TICKETS].take(record)]
    usage.add_tickets(happened)
    async for record in log.records(server, USAGE):
        if arrivals[USAGE].take(record):
            usage.add_reading(record.event)
    async for record in log.records(server, VERDICTS):
        announced.take(record)
    return Expected(tickets.verdicts(happened, as_of=as_of), usage, arrivals, announced)


def judge(expected: Expected, servers: Servers, fleet: Fleet, meter: Meter) -> Judgement:
    """The verdicts thrice, the fates of all records, and every council's pence."""
    judgement = Judgement()
    announced = expected.announced
    judgement.none("ids under which two things were announced", announced.contradicted)
    judgement.same("announced verdicts", expected.verdicts, announced.holds)
    judgement.same("verdicts counted", dict.fromkeys(_counted(expected.verdicts), 1), _sums(servers))
    adjusted = _adjusted(servers)
    in_place = {promise: each for promise, each in expected.verdicts.items() if promise not in adjusted}
    judgement.same("read model", _plain(in_place), _read_model(servers, but=adjusted))
    judgement.same("billing's verdicts", _brief(expected.verdicts), _billed_verdicts(servers))
    (history,) = stores.query(servers.database("sla_monitor"), "SELECT count(*) FROM announcement")[0]
    judgement.same("announcements kept", {"ids": announced.ids}, {"ids": history})
    for reader in READ_BY:
        _conserved(judgement, reader, meter, expected.arrivals)
    billing = fleet.of("billing")[0]
    judgement.same("pence", _pence(expected.usage), dict(_answered(billing.url("/v1/statements"), expected.usage)))
    judgement.facts |= {**_facts(expected), "verdicts adjusted": len(adjusted)}
    return judgement


def _plain(verdicts: Mapping[Promise, Holds]) -> dict[Promise, tuple[object, ...]]:
    return {promise: (each.outcome, each.month, each.due, each.elapsed) for promise, each in verdicts.items()}


def _brief(verdicts: Mapping[Promise, Holds]) -> dict[Promise, tuple[str, str]]:
    return {promise: (each.outcome, each.month) for promise, each in verdicts.items()}


def _counted(verdicts: Mapping[Promise, Holds]) -> Iterable[tuple[str, ...]]:
    return [(*promise, each.outcome, each.month) for promise, each in verdicts.items()]


def _sums(servers: Servers) -> dict[tuple[str, ...], int]:
    """How often a promise is counted as kept or missed in a month: by the verdict in place, and by its adjustments."""
    rows = stores.query(
        servers.database("sla_monitor"),
        """
        SELECT council, item, target, outcome, month, sum(n)::integer FROM (
            SELECT council, item, target, outcome, month, 1 AS n FROM verdict
            UNION ALL SELECT council, item, target, was, was_month, -1 FROM adjustment WHERE was IS NOT NULL
            UNION ALL SELECT council, item, target, now, month, 1 FROM adjustment WHERE now IS NOT NULL
        ) AS counted GROUP BY council, item, target, outcome, month HAVING sum(n) <> 0
        """,
    )
    return {tuple(row[:5]): row[5] for row in rows}


def _adjusted(servers: Servers) -> set[Promise]:
    rows = stores.query(servers.database("sla_monitor"), "SELECT DISTINCT council, item, target FROM adjustment")
    return {(council, item, target) for council, item, target in rows}


def _read_model(servers: Servers, *, but: Container[Promise]) -> dict[Promise, tuple[object, ...]]:
    columns = "council, item, target, outcome, month, extract(epoch FROM due_at)::bigint, elapsed_s"
    rows = stores.query(servers.database("sla_monitor"), f"SELECT {columns} FROM verdict")  # noqa: S608 (ours)
    found = {(row[0], row[1], row[2]): tuple(row[3:]) for row in rows}
    return {promise: row for promise, row in found.items() if promise not in but}


def _billed_verdicts(servers: Servers) -> dict[Promise, tuple[str, str]]:
    rows = stores.query(servers.database("billing"), "SELECT council, item, target, outcome, month FROM verdict")
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows if row[3] != "retracted"}


def _conserved(judgement: Judgement, reader: str, meter: Meter, arrivals: Mapping[str, Arrivals]) -> None:
    """Every record of every shard has one fate; in the topic that a reader takes in whole, the fate it must have."""
    standings = meter.standings(reader)
    judgement.none(f"{reader}: records without a fate", [each for each in standings if each.unaccounted])
    topic = {"billing": USAGE, "sla_monitor": TICKETS}.get(reader)
    if topic is None:
        return
    found: Counter[tuple[int, str]] = Counter()
    for each in standings:
        if each.topic == topic:
            found.update({(each.partition, fate): count for fate, count in each.fates.items() if count})
    judgement.same(f"{reader}: fates", arrivals[topic].fates, found)
    judgement.same(f"{reader}: shards", dict.fromkeys(range(PARTITIONS)), dict.fromkeys(key[0] for key in found))


def _pence(usage: Usage) -> dict[tuple[str, str], int]:
    return {account: usage.total_pence(account) for account in usage.accounts}


def _answered(url: str, usage: Usage) -> Iterable[tuple[tuple[str, str], int]]:
    for month in sorted({month for _, month in usage.accounts}):
        status, body = get(f"{url}?month={month}")
        if status != 200:
            raise RuntimeError(f"billing answered {status} for {month}")
        for statement in json.loads(body)["statements"]:
            if (statement["council"], month) in usage.accounts:
                yield (statement["council"], month), statement["total_pence"]


def _facts(expected: Expected) -> dict[str, int]:
    arrivals = expected.arrivals
    return {
        **{f"{topic} {fate}": arrivals[topic].total(fate) for topic in arrivals for fate in stores.FATES[:3]},
        "verdicts": len(expected.verdicts),
        "announcements": expected.announced.ids,
        "announcements repeated": expected.announced.repeated,
        "statements": len(expected.usage.accounts),
        "pence": sum(_pence(expected.usage).values()),
        **expected.announced.kinds,
    }
