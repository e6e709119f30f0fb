"""Files of the embedded default that an older release made are opened by this one, and hold what they held."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from shared.bus.embedded import EmbeddedBus
from shared.contracts.topics import TICKETS
from shared.log.port import Message, Shard
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import Change, Head

pytestmark = pytest.mark.anyio

SHARD = Shard(TICKETS.name, 0)
HEAD = Head(revision=1, first_offset=3, next_offset=7, clock_ms=5, catalogue_position=2, counts={"applied": 4})
CHANGE = Change(head=HEAD, items={"adur:T1": b"item"}, due={"adur:T1": 60})


def take_out(file: Path, tables: Sequence[str]) -> None:
    """The file is as before the tables were thought of."""
    with closing(sqlite3.connect(file)) as connection:
        for table in tables:
            connection.execute(f"DROP TABLE {table}")
        connection.commit()


async def test_live_state_from_before_announcements_and_logs_were_known(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    states = EmbeddedStateStore(file)
    await states.commit(SHARD, None, CHANGE)
    await states.close()
    take_out(file, ["told", "known_logs"])

    states = EmbeddedStateStore(file)
    assert await states.head(SHARD) == HEAD
    assert await states.items(SHARD, ["adur:T1"]) == {"adur:T1": b"item"}
    assert await states.due(SHARD, until_s=60, limit=1) == [("adur:T1", 60)]
    assert await states.known_log(TICKETS.name) is None

    told = Head(revision=2, first_offset=3, next_offset=7, published_through=9)
    await states.commit(SHARD, HEAD, Change(head=told))
    await states.save_known_log(TICKETS.name, "drawn")
    assert (await states.head(SHARD), await states.known_log(TICKETS.name)) == (told, "drawn")
    await states.close()


async def test_a_log_from_before_logs_had_an_identity(tmp_path: Path) -> None:
    file = tmp_path / "log.db"
    bus = EmbeddedBus(file)
    await bus.ensure_topics([TICKETS])
    await bus.publish_to(SHARD, [Message("adur:T1", b"event")])
    await bus.close()
    take_out(file, ["identity"])

    bus = EmbeddedBus(file)
    assert [record.value for record in await bus.read(SHARD, 0, limit=10)] == [b"event"]
    drawn = await bus.identity(TICKETS.name)
    await bus.close()

    again = EmbeddedBus(file)
    assert await again.identity(TICKETS.name) == drawn != ""
    await again.close()
