"""What is published again changes nothing, wherever in a batch it comes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import select

from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.log.port import Shard
from shared.scope import Scope
from shared.sql.engine import read_transaction
from shared.sql.isolation import Database
from shared.sql.migrate import prepare
from sla_monitor.store.read_model import SqlReadModel
from sla_monitor.store.recorder import SqlAnnouncementStore
from sla_monitor.store.tables import ANNOUNCEMENT, VERDICT
from tests.conftest import DatabaseOf
from tests.support.credits import breached, corrected, retracted

MISSED, THEN_MET = breached("T-1"), corrected("T-1", "met")


@pytest.mark.parametrize(
    "batches",
    [
        [[MISSED, THEN_MET]],
        [[MISSED, THEN_MET, MISSED]],
        [[MISSED, THEN_MET], [MISSED]],
        [[MISSED], [THEN_MET, MISSED, THEN_MET, MISSED]],
    ],
    ids=["once", "in the same batch", "in the next batch", "over and over"],
)
def test_the_last_new_announcement_holds(batches: Sequence[Sequence[VerdictEvent]], database_of: DatabaseOf) -> None:
    assert recorded(batches, database_of("sla_monitor")) == (["met"], [(MISSED.id, 0), (THEN_MET.id, 1)])


APRIL = {"month": "2026-04"}  # frozen on the first of May, before anything was corrected
FORGOTTEN = retracted("T-1", id="retracted", **APRIL)
LEFT_OUT = retracted("T-1", id="retracted at once", **APRIL)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_what_was_published_twice_after_a_loss_changes_a_frozen_months_figures_once(
    size: int, database_of: DatabaseOf
) -> None:
    events: list[VerdictEvent] = [breached("T-1", **APRIL), corrected("T-1", "met", **APRIL), FORGOTTEN, LEFT_OUT]

    with stored_in(database_of("sla_monitor"), freeze_days=0) as (store, model):
        for start in range(0, len(events), size):
            record(store, start, events[start : start + size])
        adjusted = [(each.was, each.now) for each in model.adjustments(Scope.all(), posted=None)]
        (frozen,) = model.attainment(Scope.all(), months=["2026-04"])
        assert model.adjustments(Scope.of("another-council"), posted=None) == []

    assert (sorted(adjusted, key=str), frozen.met, frozen.total) == ([("breached", "met"), ("met", None)], 0, 1)


def recorded(batches: Sequence[Sequence[VerdictEvent]], url: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The outcomes that hold, and the history with its positions, after these batches were recorded in turn."""
    after = 0
    with stored_in(url, freeze_days=366) as (store, _):
        for batch in batches:
            record(store, after, batch)
            after += len(batch)
    engine = Database.at(url).workers
    with read_transaction(engine) as connection:
        outcomes = list(connection.scalars(select(VERDICT.c.outcome)))
        columns = ANNOUNCEMENT.c
        history = [tuple(row) for row in connection.execute(select(columns.id, columns.position).order_by("position"))]
    engine.dispose()
    return outcomes, history


@contextmanager
def stored_in(url: str, *, freeze_days: int) -> Iterator[tuple[SqlAnnouncementStore, SqlReadModel]]:
    database = Database.at(url)
    prepare(database.workers, "sla_monitor")
    yield SqlAnnouncementStore(database.workers, freeze_days=freeze_days), SqlReadModel(database.requests)
    database.close()


def record(store: SqlAnnouncementStore, position: int, events: Sequence[VerdictEvent]) -> None:
    """What the log holds from `position` on is recorded."""
    shard, after = Shard(VERDICTS.name, 0), position + len(events)
    store.record(shard, expected=position or None, first=0, after=after, events=events, marks=0)
