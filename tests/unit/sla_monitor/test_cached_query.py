"""Answers that cost much are worked out once for all who ask within a while."""

import asyncio

import pytest

from sla_monitor.reports.sources import CachedQuery


class Work:
    """Counts how often it is done; fails as often as it is asked to."""

    def __init__(self, *, failures: int = 0) -> None:
        self.done, self._failures = 0, failures

    async def __call__(self) -> int:
        """One more."""
        self.done += 1
        await asyncio.sleep(0)
        if self.done <= self._failures:
            raise RuntimeError("expected by the test")
        return self.done


def test_those_who_ask_together_or_soon_after_share_one_result() -> None:
    async def scenario() -> tuple[list[int], int]:
        cached = CachedQuery(work := Work())
        together = await asyncio.gather(cached.get(), cached.get(), cached.get())
        return [*together, await cached.get()], work.done

    assert asyncio.run(scenario()) == ([1, 1, 1, 1], 1)


def test_a_failure_reaches_all_who_waited_and_is_not_cached() -> None:
    async def scenario() -> int:
        cached = CachedQuery(Work(failures=1))
        with pytest.raises(RuntimeError):
            await cached.get()
        return await cached.get()

    assert asyncio.run(scenario()) == 2


def test_one_who_gives_up_does_not_stop_the_work_for_the_others() -> None:
    async def scenario() -> tuple[int, int]:
        cached = CachedQuery(work := Work())
        impatient = asyncio.create_task(cached.get())
        await asyncio.sleep(0)
        impatient.cancel()
        return await cached.get(), work.done

    assert asyncio.run(scenario()) == (1, 1)


class Held:
    """Works until it is let go, or for ever; says whether it was broken off."""

    def __init__(self) -> None:
        self.begun, self.free, self.broken_off = asyncio.Event(), asyncio.Event(), False

    async def __call__(self) -> str:
        """Done."""
        self.begun.set()
        try:
            await self.free.wait()
        except asyncio.CancelledError:
            self.broken_off = True
            raise
        return "done"


def test_whoever_ends_it_waits_for_the_work_that_one_who_gave_up_has_left() -> None:
    async def scenario() -> tuple[bool, bool]:
        cached = CachedQuery(work := Held())
        impatient = asyncio.create_task(cached.get())
        await work.begun.wait()
        impatient.cancel()
        ending = asyncio.create_task(cached.ended(within_s=60))
        await asyncio.sleep(0)
        waited = not ending.done()
        work.free.set()
        await ending
        return waited, work.broken_off

    assert asyncio.run(scenario()) == (True, False)


def test_work_that_does_not_end_in_time_is_broken_off() -> None:
    async def scenario() -> bool:
        cached = CachedQuery(work := Held())
        impatient = asyncio.create_task(cached.get())
        await work.begun.wait()
        impatient.cancel()
        await cached.ended(within_s=0.01)
        return work.broken_off

    assert asyncio.run(scenario())


def test_a_query_that_was_never_asked_has_ended() -> None:
    asyncio.run(CachedQuery(Work()).ended(within_s=60))
