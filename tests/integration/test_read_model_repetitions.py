"""What is announced again changes nothing, wherever in a batch it comes."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import select

from shared.bus.port import Shard
from shared.contracts.topics import VERDICTS
from shared.contracts.verdicts import VerdictEvent
from shared.sql.engine import connect, reading
from shared.sql.migrate import prepare
from sla_monitor.adapters.read_model import SqlReadModel
from sla_monitor.adapters.tables import ANNOUNCEMENT, VERDICT
from tests.conftest import DatabaseOf
from tests.support.credits import breached, corrected

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
def test_the_last_word_that_is_new_holds(batches: Sequence[Sequence[VerdictEvent]], database_of: DatabaseOf) -> None:
    assert recorded(batches, database_of("sla_monitor")) == (["met"], [(MISSED.id, 0), (THEN_MET.id, 1)])


def recorded(batches: Sequence[Sequence[VerdictEvent]], url: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The outcomes that hold, and the history with its places, when these batches were read one after another."""
    engine, shard = connect(url), Shard(VERDICTS.name, 0)
    prepare(engine, "sla_monitor")
    model, after = SqlReadModel(engine, freeze_days=366), 0
    for batch in batches:
        expected, after = after or None, after + len(batch)
        model.record(shard, expected=expected, first=0, after=after, events=batch)
    with reading(engine) as connection:
        held = list(connection.scalars(select(VERDICT.c.outcome)))
        columns = ANNOUNCEMENT.c
        told = [tuple(row) for row in connection.execute(select(columns.id, columns.position).order_by("position"))]
    engine.dispose()
    return held, told
