"""A tally on a real database, by law: what it counts from the events is what the database summed, and it verifies."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.domain.metering import EventReceived
from billing.domain.terms import closing_day
from billing.domain.usage import Usage
from billing.ports import Snapshot
from billing.statements.tallies import Tallies
from billing.store.sql import SqlStore
from billing.tally.checking import verify
from billing.tally.recomputing import group_of
from billing.tally.recount import Recount
from billing.tally.writing import NoSealingKey, Signer
from shared.clock import WallClock
from shared.contracts.definitions import Service
from shared.contracts.envelope import Event
from shared.contracts.topics import REPLAYABLE_DAYS
from shared.period import Month
from shared.scope import Scope
from tests.integration.test_billing_store_laws import arrive, catalogued, histories
from tests.support.billing_feed import MAY
from tests.support.recharges import ASHBY

__all__ = ["catalogued"]  # the fixture


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_counting_again_gives_what_the_database_summed(
    catalogued: tuple[SqlStore, Callable[[], None]], history: list[Event], chance: random.Random
) -> None:
    store, forget = catalogued
    forget()
    arrive(store, history, chance)

    for month in (MAY, MAY.next):
        with store.snapshot(Scope.all()) as snapshot:
            services = [of for each in snapshot.terms.services.ids() if (of := service(snapshot, each, month))]
            again = recounted(snapshot, month, services)

            assert by_text(again.usage()) == by_text(snapshot.usage.of_month(month, ASHBY.id))
            assert again.details() == dict(snapshot.usage.details(month, ASHBY.id, services))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_every_tally_verifies(
    catalogued: tuple[SqlStore, Callable[[], None]],
    tmp_path_factory: pytest.TempPathFactory,
    history: list[Event],
    chance: random.Random,
) -> None:
    store, forget = catalogued
    forget()
    arrive(store, history, chance)

    for month in (MAY, MAY.next):
        found = verify(written(store, month, tmp_path_factory.mktemp("tally")))

        assert found.faults == []
        assert found.total_pence is not None


def written(store: SqlStore, month: Month, folder: Path) -> Path:
    path = folder / "tally.jsonl.gz"
    with Tallies(store, WallClock(), no_key).file(ASHBY.id, month, scope=Scope.all()) as file:
        path.write_bytes(file.read())
    return path


def no_key() -> Signer:
    raise NoSealingKey("a draft needs none")


def service(snapshot: Snapshot, id_: str, month: Month) -> Service | None:
    version = snapshot.terms.services.on(id_, closing_day(month))
    return None if version is None else version.definition


def recounted(snapshot: Snapshot, month: Month, services: list[Service]) -> Recount:
    """As a checker counts: each item's events together, and each reading's."""
    recount = Recount(month, services)
    groups: dict[tuple[str | None, ...], list[EventReceived]] = {}
    for event in snapshot.tally.events(month, ASHBY.id, since=month.first_day - timedelta(days=REPLAYABLE_DAYS)):
        groups.setdefault(group_of(event), []).append(event)
    for events in groups.values():
        (recount.add_reading if events[0].stream == "usage" else recount.add_item)(events)
    return recount


def by_text(usage: Sequence[Usage]) -> list[str]:
    return sorted(map(str, usage))
