"""What Ctrl-C does, and what the command then says: only what is true of the verb that it ended.

Imports nothing that takes time, since it works from the command's first line on.
"""

import os
import signal
from enum import StrEnum

EXIT_INTERRUPTED = 130  # 128 + SIGINT


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


def end_at_once() -> None:
    """Ctrl-C ends the process in one line: what is being imported could otherwise print a traceback, or swallow it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # it may be ignored, as by nohup
        signal.signal(signal.SIGINT, _end)


def raise_from_now_on() -> None:
    """Ctrl-C raises KeyboardInterrupt again: a verb works, and has something to put away."""
    if signal.getsignal(signal.SIGINT) is _end:
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


def _end(*_: object) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(EXIT_INTERRUPTED)
