"""The services run until they have nothing left to do, or it is said what keeps them from it.

No command waits for ever: without progress it gives up, and says what is stuck.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

from shared.log.port import Shard
from shared.web.formats import counted

# Without any progress, the services are given up after so long; halted ones, which people must release, much sooner.
STALLED_AFTER_S = 60.0
HALTED_AFTER_S = 5.0
_LOOK_EVERY_S = 1.0
_STOPS_WITHIN_S = 10.0
# A service's work, until the event is set.
Work = Callable[[asyncio.Event], Coroutine[None, None, None]]


class NoProgress(Exception):
    """The services have something left to do and come no further; the message says what is stuck, for people.

    `halted` are the partitions that only people can release.
    """

    def __init__(self, message: str, halted: Mapping[Shard, str]) -> None:
        super().__init__(message)
        self.halted = halted


class Drained(Protocol):
    """What is run until nothing is left, and how it shows how far it is."""

    async def run(self, stop: asyncio.Event) -> None:
        """Works until `stop` is set."""

    async def left(self) -> int:
        """How much is still to be done."""

    async def progress(self) -> object:
        """Something that differs from before whenever any of it was done."""

    def halted(self) -> Mapping[Shard, str]:
        """The partitions that are halted until people decide, each with the message for them."""

    def paused(self) -> frozenset[Shard]:
        """The partitions that wait because a store does not answer."""


async def run_until_none_left(work: Drained, report: Callable[[int], None]) -> None:
    """Nothing is left; `report` gets what is, every second. Raises `NoProgress`, and what the work raises."""
    stop, stuck = asyncio.Event(), None
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(run_and_stop(work.run, stop))
        try:
            await _watch(work, stop, report)
        except NoProgress as found:
            stuck = found
        finally:
            stop.set()
        if stuck is not None:
            await asyncio.wait({running}, timeout=_STOPS_WITHIN_S)
            running.cancel()  # nothing, where it has ended
    if stuck is not None:
        raise stuck


async def run_and_stop(work: Work, stop: asyncio.Event) -> None:
    """The work is done until `stop` is set; where it ends before, `stop` is set for the others."""
    try:
        await work(stop)
    finally:
        stop.set()


async def _watch(work: Drained, stop: asyncio.Event, report: Callable[[int], None]) -> None:
    now = asyncio.get_running_loop().time
    seen, since, wait_s = None, now(), 0.1
    while (left := await work.left()) and not stop.is_set():
        report(left)
        reached = left, await work.progress()
        if reached != seen:
            seen, since = reached, now()
        elif now() - since > (HALTED_AFTER_S if work.halted() else STALLED_AFTER_S):
            raise NoProgress(_stuck(work, left), work.halted())
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, _LOOK_EVERY_S)


def _stuck(work: Drained, left: int) -> str:
    if halted := work.halted():
        names = ", ".join(sorted(map(str, halted)))
        return (
            f"the services have stopped in front of events that cannot be applied, too many to be an accident: {names}"
        )
    if paused := work.paused():
        topics = Counter(shard.topic for shard in paused)
        names = ", ".join(f"{counted(partitions, 'partition')} of {topic}" for topic, partitions in topics.items())
        return f"a store of the services has not answered for {STALLED_AFTER_S:.0f} s; waiting for it: {names}"
    return f"the services came no further for {STALLED_AFTER_S:.0f} s, with {counted(left, 'record')} left to read"
