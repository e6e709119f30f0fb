"""The logs that a monitor holds in memory."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.bus import log_view
from shared.bus.embedded import EmbeddedBus, EmbeddedSubscription
from shared.contracts.charges import UnitCharge
from shared.contracts.codec import encode_event
from shared.contracts.definitions import Council
from shared.contracts.topics import CATALOGUE, TOPICS
from shared.log.port import BusUnavailable, Message
from sla_monitor.store.views import CatalogueView
from tests.support.recharges import ASHBY, ICT, agreement, catalogue_events, tariff

pytestmark = pytest.mark.anyio

PATIENCE_S = 20


async def test_a_log_that_is_away_is_waited_for_and_then_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_view, "_AGAIN_S", 0.01)
    bus, stop, refused = EmbeddedBus(tmp_path / "log.db"), asyncio.Event(), asyncio.Semaphore(0)
    await bus.ensure_topics(TOPICS)
    events = catalogue_events(ASHBY, replace(ASHBY, id="borough"))
    first, second = [Message(event.subject, encode_event(event)) for event in events]
    await bus.publish(CATALOGUE.name, [first])
    catalogue = CatalogueView(bus)
    await catalogue.catch_up()

    async def away(*_: object, **__: object) -> None:
        refused.release()
        raise BusUnavailable("no answer")

    async with asyncio.timeout(PATIENCE_S):
        with monkeypatch.context() as outage:
            outage.setattr(EmbeddedSubscription, "poll", away)
            running = asyncio.create_task(catalogue.run(stop))
            await bus.publish(CATALOGUE.name, [second])
            for _ in range(3):
                await refused.acquire()
            during = catalogue.ids(Council)
        while len(catalogue.ids(Council)) < 2:  # noqa: ASYNC110 (nothing announces it)
            await asyncio.sleep(0.001)
        stop.set()
        await running
    await bus.close()

    assert (during, catalogue.ids(Council)) == (["ashby"], ["ashby", "borough"])
    assert catalogue.version_counts()["council"] == 2


async def test_a_version_that_changes_no_verdict_makes_nothing_old(tmp_path: Path) -> None:
    """Whoever starts after a change of prices is not ahead of whoever ran: shards would seem to wait for them."""
    bus = EmbeddedBus(tmp_path / "log.db")
    await bus.ensure_topics(TOPICS)
    running = CatalogueView(bus)
    for event in catalogue_events(
        ASHBY, ICT, agreement("ict"), tariff(UnitCharge(name="Each", price_gbp="1"), service=ICT.id)
    ):
        await bus.publish(CATALOGUE.name, [Message(event.subject, encode_event(event))])
        await running.catch_up()
    started = CatalogueView(bus)
    await started.catch_up()
    await bus.close()

    assert started.position == running.position == 3
