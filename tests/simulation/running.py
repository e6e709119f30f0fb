"""Runs: what is done to a new world, the healing afterwards, and what was found wrong."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.simulation.comparing import differences
from tests.simulation.ending import rest, settle
from tests.simulation.plan import Step
from tests.simulation.world import World

_HOUR_S = 3600
# What the senders choose by.
_OF_WORTHING, _RESOLVED = 1, 0


@dataclass(frozen=True)
class Run:
    """What a run came to: all that was wrong (nothing, if it went well), what it met, and what was done in it."""

    wrong: tuple[str, ...]
    met: Counter[str]
    story: tuple[str, ...]

    @property
    def kinds(self) -> set[str]:
        """What kinds of things were wrong."""
        return {wrong.partition(":")[0] for wrong in self.wrong}


def run(steps: Sequence[Step]) -> Run:
    """The steps are done in a new world, which then comes to rest and is compared with the oracle."""
    world = World()
    with world.loop.running():
        for step in steps:
            world.do(step)
        wrong = [*settle(world), *differences(world)]
    return Run(tuple(wrong), world.met, tuple(world.story))


def held_up(callbacks: int) -> list[str]:
    """What goes wrong when a monitor that has read everything is held up for hours after so many callbacks.

    Meanwhile a ticket is resolved, and told so, an hour before it is due.
    """
    world = World()
    with world.loop.running():
        world.learn()
        world.senders.open_ticket(world.now, _OF_WORTHING)
        wrong = [*rest(world)]
        world.loop.move_to(world.loop.time() + 1)
        world.processes[0].run(callbacks)
        world.loop.move_to(world.loop.time() + 3 * _HOUR_S)
        world.senders.go_on(world.now, _RESOLVED, late=False)
        world.loop.move_to(world.loop.time() + 3 * _HOUR_S)
        return [*wrong, *settle(world), *differences(world)]
