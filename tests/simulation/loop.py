"""An event loop without time or chance of its own: each process is run callback by callback, by whoever holds the loop.

What a process has to do next waits in its own queue; nothing runs until `run_one` is called for it. Time stands still
until `move_to`. Work meant for threads is done on the loop, as one callback of its process.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from itertools import count
from typing import Any, TypeVar, TypeVarTuple

# The process that a callback belongs to.
OWNER: ContextVar[str] = ContextVar("OWNER", default="")
_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class VirtualLoop(asyncio.AbstractEventLoop):
    """As much of an event loop as tasks, futures, time-outs and `to_thread` need."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self._turns = count()
        self._ready: defaultdict[str, deque[tuple[asyncio.Handle, Context]]] = defaultdict(deque)
        self._timers: list[tuple[float, int, str, asyncio.TimerHandle, Context]] = []
        self._tasks: defaultdict[str, list[asyncio.Task[Any]]] = defaultdict(list)

    # For the scheduler

    def run_one(self, owner: str) -> bool:
        """One callback of the process has run; False when it has none."""
        if not (queue := self._ready[owner]):
            return False
        handle, context = queue.popleft()
        if not handle.cancelled():
            context.run(handle._callback, *handle._args)  # type: ignore[attr-defined] # every loop runs handles so
        return True

    def move_to(self, now_s: float) -> None:
        """Time went on, and the timers that have come are ready to run."""
        self._now_s = max(self._now_s, now_s)
        while self._timers and self._timers[0][0] <= self._now_s:
            _, _, owner, handle, context = heappop(self._timers)
            self._ready[owner].append((handle, context))

    def kill(self, owner: str) -> None:
        """The process is gone between two awaits: nothing of it runs any more, not even what it meant to finish."""
        self._timers = sorted(timer for timer in self._timers if timer[2] != owner)
        for task in self._tasks.pop(owner, []):
            if (coroutine := task.get_coro()) is not None:
                coroutine.close()
        self._ready.pop(owner, None)

    def spawn(self, owner: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """`work` is a task of the process, as are all tasks that it will start."""
        context = copy_context()
        context.run(OWNER.set, owner)
        return self.create_task(work, context=context)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Code in the block, and callbacks run in it, find this loop to be the running one."""
        asyncio._set_running_loop(self)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)

    # What asyncio asks of a loop

    def time(self) -> float:
        return self._now_s

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def call_soon(
        self, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.Handle:
        context = context or copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready[context.get(OWNER, "")].append((handle, context))
        return handle

    def call_at(
        self, when: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = context or copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._turns), context.get(OWNER, ""), handle, context))
        return handle

    def call_later(
        self, delay: float, callback: Callable[[*_Ts], object], *args: *_Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        owned = self._tasks[(context or copy_context()).get(OWNER, "")]
        owned[:] = [each for each in owned if not each.done()] + [task]
        return task

    def run_in_executor(self, _: Any, func: Callable[[*_Ts], _T], *args: *_Ts) -> asyncio.Future[_T]:
        future = self.create_future()
        self.call_soon(_work, future, func, args)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Tasks of killed processes are never finished, which asyncio would complain of."""

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """A cancelled timer stays in the queue and is passed over."""


def _work(future: asyncio.Future[Any], func: Callable[..., Any], args: tuple[Any, ...]) -> None:
    try:
        result = func(*args)
    except Exception as fault:  # noqa: BLE001 (the awaiting task gets it, whatever it is)
        future.set_exception(fault)
    else:
        future.set_result(result)
