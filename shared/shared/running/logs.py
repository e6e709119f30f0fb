"""Logs: an event's name and key-values, as JSON lines, or as plain text on a terminal."""

import logging
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, TextIO

import structlog
from structlog.types import Processor

_LIMITED = frozenset({"aiokafka"})
_LIMITED_TO_S = 60.0


def configure_logs(level: str, *, stream: TextIO | None = None) -> None:
    """Whatever is logged from now on is one line on `stream` (stdout where none is given), never with local variables.

    Libraries log from WARNING on, and those of `_LIMITED` one line a minute.
    """
    output = stream or sys.stdout
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,  # never the values of local variables: they may be secret
    ]
    handler = logging.StreamHandler(output)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(output)],
        )
    )
    handler.addFilter(OneLineEvery(_LIMITED_TO_S))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LoggerFactory(level),
        cache_logger_on_first_use=True,
    )


class OneLineEvery(logging.Filter):
    """Of all that the libraries of `_LIMITED` log, a line every `seconds`, which says how many were left out before.

    While no broker answers, each of Kafka's clients logs each of its attempts: several hundred lines a second.
    """

    def __init__(self, seconds: float, *, now: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._seconds, self._now = seconds, now
        self._next_at, self._left_out = float("-inf"), 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line is kept."""
        if record.name.partition(".")[0] not in _LIMITED:
            return True
        if self._now() < self._next_at:
            self._left_out += 1
            return False
        self._next_at = self._now() + self._seconds
        if self._left_out:
            record.msg, record.args = f"{record.getMessage()} (after {self._left_out} lines that were left out)", None
        self._left_out = 0
        return True


def _renderer(output: TextIO) -> Callable[..., Any]:
    if output.isatty():
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer()


class _LoggerFactory:
    """Creates the one logger of Tallystick's own code, which logs from `level` on."""

    def __init__(self, level: str) -> None:
        self._level = level.upper()

    def __call__(self, *_: object) -> logging.Logger:
        logger = logging.getLogger("tallystick")
        logger.setLevel(self._level)
        return logger
