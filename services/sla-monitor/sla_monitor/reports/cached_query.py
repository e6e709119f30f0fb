"""Answers that are dear to work out, worked out once for all who ask within a while."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
MIN_AGE_S = 5.0
# Kept for so many times what it cost, so that however often it is asked for, it takes a tenth of one core at most.
COST_FACTOR = 10


class CachedQuery(Generic[T]):
    """The result of `work`, never older than `MIN_AGE_S` or `COST_FACTOR`, whichever is longer.

    Callers who come while it is worked out wait for the same result. One who gives up does not stop it: the others
    still want it, and a broken-off read could leave its connection out of step.
    """

    def __init__(self, work: Callable[[], Awaitable[T]]) -> None:
        self._work = work
        self._task: asyncio.Task[T] | None = None
        self._until = 0.0

    async def get(self) -> T:
        """The result; raises what `work` raised."""
        task = self._task
        if task is None or (task.done() and self._is_stale(task)):
            task = self._task = asyncio.create_task(self._timed())
        return await asyncio.shield(task)

    def _is_stale(self, task: asyncio.Task[T]) -> bool:
        failed = task.cancelled() or task.exception() is not None
        return failed or asyncio.get_running_loop().time() >= self._until

    async def _timed(self) -> T:
        loop = asyncio.get_running_loop()
        began = loop.time()
        result = await self._work()
        self._until = loop.time() + max(MIN_AGE_S, COST_FACTOR * (loop.time() - began))
        return result
