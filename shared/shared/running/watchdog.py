"""A thread that ends the process when it is stuck: a restart reads on from the stored offset, and nothing is lost.

It must not need what may be stuck. So it is a thread, looks only at heartbeats, and ends the process without asking.
"""

import faulthandler
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic, sleep
from typing import NoReturn

import structlog

from shared.heartbeat import Heartbeat

# sysexits.h calls it EX_SOFTWARE: an internal fault. A supervisor restarts the process.
EXIT_STUCK = 70
_LOOK_EVERY_S = 0.5
# A look that comes later than this shows that the whole process was frozen: it is given time to go on.
_FROZEN_S = 2.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watched:
    """A loop, and how long it may be silent."""

    heartbeat: Heartbeat
    limit_s: float

    @property
    def is_stuck(self) -> bool:
        """Whether it has been silent for too long."""
        return self.heartbeat.silent_s() > self.limit_s


class Watchdog:
    """Watches from `start` on, as long as the process lives."""

    def __init__(self, watched: Sequence[Watched]) -> None:
        self._watched = watched
        self._stop_by: float | None = None

    def start(self) -> None:
        """The thread runs; it does not keep the process alive."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stopping(self, *, within_s: float) -> None:
        """From now on only this counts: the process has ended by itself `within_s` seconds from now."""
        self._stop_by = monotonic() + within_s

    def _watch(self) -> None:
        while True:
            asleep_at = monotonic()
            sleep(_LOOK_EVERY_S)
            if monotonic() - asleep_at < _FROZEN_S:
                self._look()

    def _look(self) -> None:
        if self._stop_by is not None:
            if monotonic() > self._stop_by:
                _end("the stop took too long")
            return
        for watched in self._watched:
            if watched.is_stuck:
                _end(f"{watched.heartbeat.name} has not come round", silent_s=round(watched.heartbeat.silent_s(), 1))


def _end(reason: str, **values: float) -> NoReturn:
    log.critical("watchdog.exit", reason=reason, **values)
    faulthandler.dump_traceback(all_threads=True)  # where each thread stands, without any values
    os._exit(EXIT_STUCK)
