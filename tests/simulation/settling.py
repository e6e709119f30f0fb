"""The end of a run: no more faults, everything is restarted, and the services do all there is to do."""

from collections.abc import Iterator
from datetime import timedelta

from shared.contracts.topics import CATALOGUE
from shared.log.port import OffsetGone, Shard
from sla_monitor.store.recorder import SqlAnnouncementStore
from tests.simulation.partnership import ANNOUNCED, INPUTS, JUDGED
from tests.simulation.world import World

_MOST_ROUNDS = 300
_ROUND_S = 0.7
_CALLBACKS_A_ROUND = 200
# At rest a shard is marked every hour, and a shard's clock is a minute behind.
_MARKED_WITHIN_S = 3_600 + 120
# Longer than any allowance of the partnership, weekend included.
_ALL_IS_DUE = timedelta(days=10)


def settle(world: World) -> Iterator[str]:
    """There are no more faults, and all work is done; yields what went wrong, as `kind: what it is`."""
    world.restore_log()
    world.publish_withheld()
    while world.senders.send_late(0):
        pass
    for process in world.processes:
        process.frozen, process.clock.skew_s = False, 0
        process.faults.clear()
        if process.store_restored:
            process.kill()
    yield from run_until_idle(world)
    world.loop.move_to(world.loop.time() + _ALL_IS_DUE.total_seconds())
    yield from run_until_idle(world)
    for process in world.processes:
        yield from (
            f"died: {process.name} of {fault!r}" for fault in process.failures if not isinstance(fault, OffsetGone)
        )


def run_until_idle(world: World) -> Iterator[str]:
    """All processes run until nothing is left to do at this time; yields what is left if there is no end of it."""
    for _ in range(_MOST_ROUNDS):
        for process in world.processes:
            if not process.alive:
                process.start()
            process.run(_CALLBACKS_A_ROUND)
        world.loop.move_to(world.loop.time() + _ROUND_S)
        if not any(_left(world)):
            return
    yield f"never idle: {', '.join(_left(world))}"


def _left(world: World) -> Iterator[str]:
    """The work that is left."""
    log, states = world.servers.log, world.servers.states
    for topic in (*INPUTS, ANNOUNCED):
        for shard in log.shards_of(topic.name):
            if any((at or 0) < log.bounds(shard).end for at in world.servers.positions(shard)):
                yield f"{shard} unread"
    for shard in [shard for topic in JUDGED for shard in log.shards_of(topic.name)]:
        state = states.of(shard)
        if state.outbox or any(at <= world.now.timestamp() - 60 for at in state.due.values()):
            yield f"{shard} overdue"
        if state.head is None or state.head.marked.through_ms / 1000 < world.now.timestamp() - _MARKED_WITHIN_S:
            yield f"{shard} unmarked"
        if state.head is not None and state.head.catalogue_position < log.bounds(Shard(CATALOGUE.name, 0)).end:
            yield f"{shard} outdated"
    for process in world.processes:
        yield from (f"{shard} unreconciled" for shard in process.unreconciled)
    for shard in log.shards_of(ANNOUNCED.name):
        if (SqlAnnouncementStore(world.servers.read_model.engine, freeze_days=1).position(shard) or 0) < log.bounds(
            shard
        ).end:
            yield f"{shard} unrecorded"
