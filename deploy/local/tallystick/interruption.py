"""What Ctrl-C does, and what the command then says: only what is true of the verb that it ended.

SIGTERM, and SIGHUP of a terminal that is closed, do the same.

Imports nothing that takes time, since it works from the command's first line on.
"""

import os
import signal
from collections.abc import Coroutine
from enum import StrEnum
from functools import partial
from types import FrameType
from typing import Any, NoReturn, TypeVar

_FROM_OUTSIDE = ("SIGTERM", "SIGHUP")
T = TypeVar("T")


class Interruption(StrEnum):
    """What became of the data when a verb of that kind is interrupted."""

    READS = "Nothing was changed."
    WRITES_FILES = "Nothing that is stored was changed; a file that was being written may be incomplete."
    RESUMES = "What was stored is kept; running the same command again goes on from there."
    SENDS = "What was sent is kept; running the same command again sends the rest, and nothing counts twice."
    BACKFILLS = "What was sent is kept; without --approve the same command shows what is left, and its digest."
    STAYS = "What was sent to the demo stays there."
    REQUESTS = "A run that was requested stays requested: the services make it as soon as they run."
    DECIDES = "What was decided before that is kept: `tallystick quarantine decisions` lists it."
    CREDENTIALS = "Whether it was changed before that, `tallystick clients list` shows."
    ACCESS = "Whether it was changed before that, `tallystick audit list --service catalogue` shows."
    GRANTS = "Whether it was changed before that, `tallystick people list` shows."

    @property
    def sentence(self) -> str:
        """For whoever pressed Ctrl-C."""
        return f"Interrupted. {self}"


class _Process:
    """What is known of an interruption of this process: what it leaves behind, and which signal ended the command.

    `is_command` is False where the command is called by another program, whose signals are its own.
    """

    is_command: bool = False
    left: Interruption = Interruption.READS
    ended_by: int = signal.SIGINT


def end_at_once() -> None:
    """Ctrl-C ends the process in one line: what is being imported could otherwise print a traceback, or swallow it."""
    _Process.is_command = True
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored, as by nohup
        signal.signal(signal.SIGINT, _end)
    for name in _FROM_OUTSIDE:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def raise_from_now_on(left: Interruption) -> None:
    """Ctrl-C raises KeyboardInterrupt again: a verb works, and has something to put away, and `left` is what it leaves.

    So do the other signals.
    """
    _Process.left = left
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in _FROM_OUTSIDE:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _end:
            signal.signal(number, _as_ctrl_c)


def end_undisturbed() -> int:
    """Nothing interrupts the end of an interrupted command; returns its exit code, 128 and the signal's number."""
    if _Process.is_command and signal.getsignal(signal.SIGINT) in {signal.default_int_handler, _end}:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return 128 + _Process.ended_by


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns. Ctrl-C cancels it, and waits for its threads; a second one ends the process at once.

    Raised once more, as `asyncio.run` alone does it, it would leave threads that use what is being closed.
    """

    import asyncio

    async def watched() -> T:
        cancel = signal.getsignal(signal.SIGINT)
        is_asyncios = callable(cancel) and cancel is not signal.default_int_handler
        if _Process.is_command and is_asyncios:
            signal.signal(signal.SIGINT, partial(_once, cancel))
        return await work

    try:
        return asyncio.run(watched())
    finally:
        work.close()
        if getattr(signal.getsignal(signal.SIGINT), "func", None) is _once:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def caused(failure: BaseException | None) -> bool:
    """Whether `failure` is what Ctrl-C became on its way: some code answers every exception with its own."""
    seen: set[int] = set()
    while failure is not None and id(failure) not in seen:
        if isinstance(failure, KeyboardInterrupt):
            return True
        seen.add(id(failure))
        failure = failure.__cause__ or failure.__context__
    return False


def _once(cancel: Any, number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _end)
    cancel(number, frame)


def _as_ctrl_c(number: int, _: FrameType | None) -> None:
    _Process.ended_by = number
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def _end(number: int, _: FrameType | None) -> NoReturn:
    if number != signal.SIGINT:
        _Process.ended_by = number
    sentence = "Interrupted." if _Process.left is Interruption.READS else _Process.left.sentence
    try:
        os.write(2, f"{sentence}\n".encode())
    finally:
        os._exit(128 + _Process.ended_by)
