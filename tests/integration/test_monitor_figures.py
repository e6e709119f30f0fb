"""The monitor's metrics: those of its shards, and the reports' figures, as Prometheus reads them.

Open 09:00 to 17:00; 8 working hours to resolve, 90% of them. It is Tuesday 16 June 2026 at noon.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.contracts.catalogue import CouncilVersioned, VersionData
from shared.contracts.codec import encode_event
from shared.contracts.definitions import Agreement, Council
from shared.contracts.items import NewItemData, TicketOpened
from shared.contracts.topics import CATALOGUE, TICKETS
from shared.log.port import Message
from shared.scope import Scope
from sla_monitor import metrics
from sla_monitor.reports.budget import budgets
from tests.support.histories import calendar
from tests.support.monitoring import Monitor, local, monitor, ticket

pytestmark = pytest.mark.anyio

NOW = "Tue 2026-06-16 12:00"
TARGET = {"service": "ict", "agreement": "adur-2026", "target": "resolve", "measure": "resolution-time"}
ADUR = {"council": "adur"} | TARGET


def agreement(council: str = "adur") -> Agreement:
    """Eight working hours for the tickets of one service."""
    resolve = {"id": "resolve", "service": "ict", "measure": "resolution-time", "within": "8 working hours"}
    target = resolve | {"calendar": "office", "objective": {"percent": "90"}}
    held = {"id": f"{council}-2026", "council": council, "provider": "joint", "title": "Illustrative"}
    return msgspec.convert(held | {"targets": [target], "effective_from": date(2026, 6, 1)}, Agreement)


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Monitor]:
    async with monitor(tmp_path, now=NOW) as running:
        await running.publish_catalogue(calendar(), agreement())
        await running.wait_until_idle()
        yield running


async def sampled(on: Monitor) -> None:
    """All is evaluated, and the metrics are those of now."""
    await on.wait_until_idle()
    while not all(consumer.positions for consumer in on.app.consumers):  # noqa: ASYNC110 (shards come with a round)
        await asyncio.sleep(0.01)
    await on.app.sample()
    await on.app.sample_read_model()


def value(on: Monitor, name: str, labels: dict[str, str] | None = None) -> float | None:
    return on.app.registry.get_sample_value(name, labels or {})


async def test_every_series_is_there_at_0_before_anything_happened(on: Monitor) -> None:
    await sampled(on)

    outcomes = [value(on, "tallystick_verdicts_total", ADUR | {"outcome": each}) for each in metrics.OUTCOMES]
    causes = [
        value(on, "tallystick_verdict_corrections_total", {"council": "adur", "cause": cause})
        for cause in metrics.CAUSES
    ]
    shards = [{"group": "sla-monitor", "topic": TICKETS.name, "partition": str(n)} for n in range(TICKETS.partitions)]
    records = [
        value(on, "tallystick_consumer_records_total", shard | {"outcome": outcome})
        for shard in shards
        for outcome in ("applied", "duplicate", "quarantined", "absent")
    ]
    gauges = [
        value(on, f"tallystick_consumer_{name}", shard)
        for shard in shards
        for name in ("lag_records", "lag_seconds", "unaccounted_records", "parked_records", "halted")
    ]
    assert {*outcomes, *causes, *records, *gauges} == {0.0}
    assert value(on, "tallystick_attainment_items", ADUR) == value(on, "tallystick_attainment_good_items", ADUR) == 0
    assert value(on, "tallystick_failed_items", {"council": "adur"}) == 0
    assert value(on, "tallystick_quarantine_open_records", {"group": "sla-monitor", "topic": TICKETS.name}) == 0
    assert value(on, "tallystick_catalogue_versions", {"kind": "agreement"}) == 1


async def test_a_first_breach_is_an_increase_of_1_with_its_delay_and_its_share_of_the_threshold(on: Monitor) -> None:
    await sampled(on)
    await on.send(*ticket(("Mon 2026-06-15 10:00", "opened"), item="late"), at=NOW)
    await sampled(on)

    assert value(on, "tallystick_verdicts_total", ADUR | {"outcome": "breached"}) == 1
    # It became due at 10:00, and is recorded at noon.
    assert value(on, "tallystick_evaluation_delay_seconds_sum") == 2 * 3600
    share = {"council": "adur", "measure": "resolution-time"}
    assert value(on, "tallystick_elapsed_threshold_ratio_count", share) == 1
    assert value(on, "tallystick_elapsed_threshold_ratio_bucket", share | {"le": "1.0"}) == 0


async def test_a_correction_is_counted_by_its_cause_and_the_first_decision_stays_counted(on: Monitor) -> None:
    await on.send(*ticket(("Mon 2026-06-15 10:00", "opened"), item="late"), at=NOW)
    await on.wait_until_idle()
    await on.send(*ticket(("Mon 2026-06-15 11:00", "resolved"), item="late"), at=NOW)
    await sampled(on)

    assert value(on, "tallystick_verdict_corrections_total", {"council": "adur", "cause": "event"}) == 1
    assert value(on, "tallystick_verdicts_total", ADUR | {"outcome": "breached"}) == 1
    assert value(on, "tallystick_attainment_good_items", ADUR) == 1


async def test_the_figures_of_the_read_model_are_those_of_the_reports(on: Monitor) -> None:
    for number in range(3):  # due this morning, and missed
        await on.send(*ticket(("Mon 2026-06-15 10:00", "opened"), item=f"late-{number}"))
    for number in range(27):
        await on.send(
            *ticket(("Mon 2026-06-08 10:00", "opened"), ("Mon 2026-06-08 11:00", "resolved"), item=f"kept-{number}")
        )
    await sampled(on)

    (row,) = (await budgets(on.app.sources, Scope.all(), month=None, service=None)).budgets
    assert (value(on, "tallystick_attainment_good_items", ADUR), value(on, "tallystick_attainment_items", ADUR)) == (
        row.met,
        row.met + row.missed,
    )
    assert value(on, "tallystick_misses_remaining", ADUR) == row.remaining == 0
    assert value(on, "tallystick_allowance_consumed_ratio", ADUR) == 1.0
    # All three that fell due in the last working day missed, where one in ten may; in ten days three of thirty did.
    burn = {days: value(on, "tallystick_allowance_burn_ratio", ADUR | {"window": days}) for days in ("1d", "10d")}
    assert burn == {"1d": pytest.approx(10), "10d": pytest.approx(1)}
    assert [each.working_days for each in row.burn_rate] == [1, 3, 5, 10]


async def test_open_items_are_counted_once_with_the_age_of_the_oldest_and_the_next_breach(on: Monitor) -> None:
    await on.send(*ticket(("Mon 2026-06-15 10:00", "opened"), item="missed"))
    await on.send(*ticket(("Mon 2026-06-15 13:30", "opened"), item="soon"))
    await on.send(*ticket(("Tue 2026-06-16 11:00", "opened"), item="fresh"))
    await on.send(*ticket(("Mon 2026-06-15 09:00", "opened"), ("Mon 2026-06-15 10:00", "resolved"), item="done"))
    await sampled(on)

    ict = {"council": "adur", "service": "ict", "priority": "normal"}
    assert value(on, "tallystick_open_items", ict) == 3
    assert value(on, "tallystick_at_risk_items", ict) == 1
    assert value(on, "tallystick_next_breach_working_seconds", ict) == 1.5 * 3600
    oldest = value(on, "tallystick_oldest_open_item_working_seconds", {"council": "adur", "service": "ict"})
    assert oldest == 10 * 3600


async def test_a_priority_that_no_agreement_names_is_no_label_of_its_own(on: Monitor) -> None:
    for number in range(2):
        await on.send(opened(f"odd-{number}", priority=f"odd-{number}"))
    await sampled(on)

    other = {"council": "adur", "service": "ict", "priority": "other"}
    assert value(on, "tallystick_open_items", other) == 2
    assert value(on, "tallystick_open_items", other | {"priority": "odd-0"}) is None


def opened(item: str, *, priority: str) -> TicketOpened:
    about: dict[str, Any] = {"id": item, "source": "/test/adur", "subject": item, "council": "adur"}
    at = local("Tue 2026-06-16 11:00")
    return TicketOpened(**about, time=at, data=NewItemData(service="ict", priority=priority))


async def test_a_council_is_silent_since_its_last_event_or_since_its_agreement_began(on: Monitor) -> None:
    await on.publish_catalogue(agreement("worthing"))
    await on.send(*ticket(("Mon 2026-06-15 16:00", "opened"), item="last"))
    await sampled(on)

    silent = [
        value(on, "tallystick_council_silent_working_seconds", {"council": each}) for each in ("adur", "worthing")
    ]
    # An hour of Monday and three of Tuesday; worthing's agreement began on Monday 1 June.
    assert silent == [4 * 3600, (11 * 8 + 3) * 3600]


async def test_a_councils_name_is_one_series_to_join(on: Monitor) -> None:
    named = msgspec.convert({"id": "adur", "name": "Adur", "effective_from": date(2026, 1, 1)}, Council)
    event = CouncilVersioned(
        id="council:adur:1",
        source="/catalogue",
        subject="council:adur:1",
        time=local(NOW),
        data=VersionData(version=1, definition=named),
    )
    await on.bus.publish(CATALOGUE.name, [Message(event.subject, encode_event(event))])
    await sampled(on)

    assert value(on, "tallystick_council_info", {"council": "adur", "name": "Adur"}) == 1


async def test_quarantined_records_are_open_until_somebody_has_decided(on: Monitor) -> None:
    for number in range(2):
        await on.send_raw(f"adur:T{number}", b"no event", at=NOW)
    await sampled(on)
    open_ = {"group": "sla-monitor", "topic": TICKETS.name}
    before = value(on, "tallystick_quarantine_open_records", open_)

    entries = [entry async for entry in on.app.quarantine.entries(Scope.all())]
    await on.app.quarantine.discard(entries[0], actor="operator", reason="illustrative")
    await sampled(on)

    assert (before, value(on, "tallystick_quarantine_open_records", open_)) == (2, 1)
