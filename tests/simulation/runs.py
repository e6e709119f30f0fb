"""A run: steps done to a new world, which then recovers and is compared with the oracle."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts.topics import TICKETS
from tests.simulation.bugs import failure_of
from tests.simulation.comparison import differences
from tests.simulation.plan import Step
from tests.simulation.settling import run_until_idle, settle
from tests.simulation.world import World

_HOUR_S = 3600
# What the senders choose by.
_OF_WORTHING, _RESOLVED = 1, 0


@dataclass(frozen=True)
class Run:
    """The result of a run: everything wrong (empty if it went well), the faults that occurred, and the steps done."""

    wrong: tuple[str, ...]
    occurred: Counter[str]
    trace: tuple[str, ...]

    @property
    def kinds(self) -> set[str]:
        """The kinds of what was wrong."""
        return {wrong.partition(":")[0] for wrong in self.wrong}


def run(steps: Sequence[Step]) -> Run:
    """The steps are done in a new world, which then recovers and is compared with the oracle."""
    world = World()
    with world.loop.running():
        for step in steps:
            world.do(step)
        wrong = [*settle(world), *differences(world)]
    return Run(tuple(wrong), world.occurred, tuple(world.trace))


def run_with_failure(steps: Sequence[Step], *, number: int) -> list[str]:
    """What goes wrong when judging the ticket of that number (0: the first) raises, until another release judges it.

    Until then the others are as if it were not there, across all that the steps do; afterwards it is as the others.
    """
    world = World()
    with world.loop.running():
        with failure_of(lambda item: item == _ticket_of(world, number)):
            for step in steps:
                world.do(step)
            wrong = [*settle(world), *differences(world, failing=_ticket_of(world, number))]
        world.servers.release = "2"
        for process in world.processes:
            process.kill()
        return [*wrong, *settle(world), *differences(world)]


def _ticket_of(world: World, number: int) -> str:
    """The id of the ticket of that number, from its opening on, whatever work is received; "" for none."""
    names = [item.name for item in world.senders.tickets if item.topic == TICKETS.name]
    return names[number] if number < len(names) else ""


def run_with_delay(callbacks: int) -> list[str]:
    """What goes wrong when a monitor that has read everything is delayed for hours after so many callbacks.

    Meanwhile a ticket is resolved, and its event sent, an hour before it is due.
    """
    world = World()
    with world.loop.running():
        world.publish_withheld()
        world.senders.open_ticket(world.now, _OF_WORTHING)
        wrong = [*run_until_idle(world)]
        world.loop.move_to(world.loop.time() + 1)
        world.processes[0].run(callbacks)
        world.loop.move_to(world.loop.time() + 3 * _HOUR_S)
        world.senders.advance(world.now, _RESOLVED, late=False)
        world.loop.move_to(world.loop.time() + 3 * _HOUR_S)
        return [*wrong, *settle(world), *differences(world)]
