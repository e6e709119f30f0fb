"""A month of 20 councils × 12 services, a million usage events in all: rated by billing, and by DuckDB beside it.

Each service has another kind of charge. DuckDB computes every council's charges again from the raw events; the two are
compared to the penny, and the bench fails where they differ.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TextIO

from billing.app import BATCH
from billing.consumer import ingest
from billing.statements.drafts import MonthOfStatements, Statements
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.charges import (
    AnnualCharge,
    CapacityCharge,
    Charge,
    ChargeLimit,
    ChargeTerms,
    CommitmentCharge,
    CostPlusCharge,
    GraduatedCharge,
    MatrixCharge,
    MatrixPrice,
    PackageCharge,
    PercentageCharge,
    PercentageDiscount,
    StandingCharge,
    Tier,
    UnitCharge,
    VolumeCharge,
    Waiver,
)
from shared.contracts.definitions import Agreement, AnyDefinition, Council, Provider, Service, Tariff
from shared.contracts.envelope import Event
from shared.contracts.topics import CATALOGUE, USAGE
from shared.contracts.usage import ReversalData, UsageData, UsageRecorded, UsageReversed
from shared.log.partitioner import partition_of
from shared.log.port import Shard
from shared.period import Month
from shared.running.command import tune_gc
from shared.scope import Scope
from shared.units import CouncilId, ItemId
from tests.bench._spent import spend
from tests.bench_stack.peers import DUCKDB, installed
from tests.support.recharges import catalogue_events, records

COUNCILS, EVENTS = 20, 1_000_000
MAY = Month(2026, 5)
SOURCE = "/bench"
_SEED = 2026
_REVERSED = 100  # one reading in so many is reversed
_EACH = UnitCharge(name="Each", price_gbp="0.05")
# By service; `_duckdb_month` has the same prices, written down again.
PRICED: tuple[tuple[tuple[Charge, ...], ChargeTerms], ...] = (
    ((StandingCharge(name="Fixed", monthly_gbp="310"), UnitCharge(name="Each", price_gbp="0.0375")), ChargeTerms()),
    (
        (
            GraduatedCharge(
                name="Tiers",
                tiers=(Tier(up_to=1000, price_gbp="1"), Tier(up_to=5000, price_gbp="0.50"), Tier(price_gbp="0.0375")),
            ),
        ),
        ChargeTerms(),
    ),
    ((VolumeCharge(name="Tiers", tiers=(Tier(up_to=5000, price_gbp="0.45"), Tier(price_gbp="0.40"))),), ChargeTerms()),
    ((PackageCharge(name="Packages", size=100, price_gbp="3"),), ChargeTerms()),
    ((CapacityCharge(name="Capacity", monthly_gbp="500", included=3000, overage_gbp="0.25"),), ChargeTerms()),
    (
        (CommitmentCharge(name="Committed", units=4000, over="month", price_gbp="0.30", overage_gbp="0.42"),),
        ChargeTerms(),
    ),
    ((AnnualCharge(name="Year", annual_gbp="100000"), UnitCharge(name="Each", price_gbp="0.01")), ChargeTerms()),
    (
        (_EACH,),
        ChargeTerms(
            free_units=1000,
            discounts=(PercentageDiscount(name="Early", percent="5"),),
            maximum=ChargeLimit(gbp="220"),
        ),
    ),
    (
        (
            PercentageCharge(
                name="Fee", percent="2", fixed_gbp="0.20", minimum_gbp="0.50", maximum_gbp="10", free_events=10
            ),
        ),
        ChargeTerms(),
    ),
    (
        (
            MatrixCharge(
                name="By priority",
                prices=(
                    MatrixPrice(when={"priority": ("urgent",)}, price_gbp="0.50"),
                    MatrixPrice(when={"priority": ("high",)}, price_gbp="0.25"),
                ),
                otherwise_gbp="0.10",
            ),
        ),
        ChargeTerms(),
    ),
    ((CostPlusCharge(name="Cost", markup_percent="7.5"),), ChargeTerms()),
    (
        (UnitCharge(name="Each", price_gbp="0.25"),),
        ChargeTerms(
            waivers=(Waiver(name="error", when={"cause": ("payroll-error",)}),), minimum=ChargeLimit(gbp="1300")
        ),
    ),
)


def run() -> None:
    """Prints both times of this run; raises where a council's charges differ."""
    with TemporaryDirectory() as folder:
        store = SqlStore.open(f"sqlite:///{folder}/billing.db")
        ingest(store, Shard(CATALOGUE.name, 0), records(catalogue_events(*_definitions())), expected=None)
        raw = Path(folder) / "events.ndjson"
        with raw.open("w", encoding="utf-8") as file:
            for number in range(COUNCILS):
                _fill(store, number, file)
        tune_gc()  # as the service does
        rated: list[MonthOfStatements] = []
        statements = Statements(store, WallClock())
        spent = spend(lambda: rated.append(statements.statements(MAY, scope=Scope.all())))
        again = _in_duckdb(raw)
    pence = {
        statement.council.id: {charges.service.id: charges.total_pence for charges in statement.services}
        for statement in rated[0].statements
    }
    if pence != again["pence"]:
        raise AssertionError(f"billing and DuckDB differ: {_differences(pence, again['pence'])}")
    what = f"{COUNCILS} councils × {len(PRICED)} services, {EVENTS:,} events"
    sys.stdout.write(
        f"{what:<50} {spent.elapsed_s:>12,.2f} s rated by billing, {spent.processor_s:.2f} s of processor\n"
    )
    sys.stdout.write(f"{DUCKDB.rpartition('=')[2] + ' DuckDB, from the raw events':<50} {again['seconds']:>12,.2f} s\n")
    sys.stdout.write(f"{'charges that are equal to the penny':<50} {COUNCILS * len(PRICED):>12,}\n")


def _definitions() -> Iterator[AnyDefinition]:
    yield Provider(id="provider", name="Provider")
    for number, (charges, terms) in enumerate(PRICED):
        name = f"s{number:02}"
        yield Service(id=name, name=name, group="Bench", unit="unit", unit_name="unit", counted_by="readings")
        yield Tariff(id=name, service=name, name=name, charges=charges, terms=terms)
    tariffs = tuple(f"s{number:02}" for number in range(len(PRICED)))
    for number in range(COUNCILS):
        council = f"council-{number:02}"
        yield Council(id=council, name=council)
        yield Agreement(id=council, council=council, provider="provider", title=council, tariffs=tariffs)


def _fill(store: SqlStore, number: int, file: TextIO) -> None:
    """The month of one council is stored, and its raw events written to the file, a line each."""
    council = f"council-{number:02}"
    shard = Shard(USAGE.name, partition_of(f"{council}:meter".encode(), USAGE.partitions))
    page: list[Event] = []
    for event in _events(council, number):
        file.write(json.dumps(_raw(event)) + "\n")
        page.append(event)
        if len(page) == BATCH:
            _store(store, shard, page)
            page = []
    _store(store, shard, page)


def _store(store: SqlStore, shard: Shard, events: list[Event]) -> None:
    expected = store.position(shard)
    ingest(store, shard, records(events, first=expected or 0), expected=expected)


def _events(council: str, number: int) -> Iterator[UsageRecorded | UsageReversed]:
    chance = random.Random(f"{_SEED} {council}")  # noqa: S311 (the same readings in every run, and no secret)
    first = datetime(2026, 5, 1, 0, 30, tzinfo=UTC)
    subject, key = ItemId("meter"), CouncilId(council)
    for reading in range(EVENTS // COUNCILS):
        at = first + timedelta(seconds=chance.randrange(31 * 86_400 - 7_200))
        id_, service = f"{number}-{reading:06}", f"s{reading % len(PRICED):02}"
        attributes = {
            "priority": chance.choice(("urgent", "high", "normal")),
            "value": f"{chance.randrange(100_000) / 100:.2f}",
            "cause": chance.choice(("payroll-error", "late-claim", "none", "none")),
        }
        quantity = f"{chance.randrange(1, 2_400_000) / 1_000_000:.6f}"
        data = UsageData(service=service, quantity=quantity, attributes=attributes)
        yield UsageRecorded(id=id_, source=SOURCE, time=at, subject=subject, council=key, data=data)
        if reading % _REVERSED == 0:
            reversal = ReversalData(service=service, reversed_source=SOURCE, reversed_id=id_)
            yield UsageReversed(
                id=f"{id_}-reversed", source=SOURCE, time=at, subject=subject, council=key, data=reversal
            )


def _raw(event: UsageRecorded | UsageReversed) -> dict[str, object]:
    about: dict[str, object] = {"council": event.council, "id": event.id, "time": event.time.isoformat()}
    if isinstance(event, UsageReversed):
        return about | {"type": "reversed", "service": event.data.service, "reversed_id": event.data.reversed_id}
    data = event.data
    return about | {
        "type": "recorded",
        "service": data.service,
        "quantity": data.quantity,
        "attributes": data.attributes,
    }


def _in_duckdb(raw: Path) -> dict[str, Any]:
    python = installed((DUCKDB,))
    command = [str(python), str(Path(__file__).with_name("_duckdb_month.py")), str(raw)]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def _differences(pence: Mapping[str, Mapping[str, int]], again: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Each charge that is not the same in both, the first few of them."""
    both = [
        f"{council} {service}: {mine} and {again.get(council, {}).get(service)}"
        for council, charges in pence.items()
        for service, mine in charges.items()
        if mine != again.get(council, {}).get(service)
    ]
    return both[:20]
