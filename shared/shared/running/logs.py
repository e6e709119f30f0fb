"""Logs: an event's name and key-values, as JSON lines, or as plain text on a terminal."""

import logging
import sys
from collections.abc import Callable
from typing import Any, TextIO

import structlog
from structlog.types import Processor


def configure_logs(level: str, *, stream: TextIO | None = None) -> None:
    """Whatever is logged from now on is one line on `stream` (stdout where none is given), never with local variables.

    Libraries log from WARNING on.
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
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_LoggerFactory(level),
        cache_logger_on_first_use=True,
    )


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
