"""An unexpected failure while one item is worked on belongs to that item, never to the shard (R59).

`attempt` is the only place beside the consumer's last resort that catches `Exception`: a bug that one item brings
about must not stop every other, at every restart again. What is caught becomes a value that says what failed and
where, without a message: that could hold what somebody sent.

Not caught, because trying the next item would help nobody: errors of the store and of the log, which `work` should not
touch at all, and a process without memory. `KeyboardInterrupt`, `SystemExit` and a cancelled task are no `Exception`.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from shared.log.port import BusUnavailable, Fenced, OffsetGone
from shared.log.processor import Busy
from shared.startup_errors import StorageFailed

P = ParamSpec("P")
T = TypeVar("T")

# What a failure is kept with: another release may judge the item. Images hold no metadata of packages to read it from;
# a test compares it with every pyproject.
PRODUCT_VERSION = "0.1.0"
_OF_THE_PROCESS = (Busy, BusUnavailable, Fenced, MemoryError, OSError, OffsetGone, StorageFailed)
_PRODUCT = ("billing.", "shared.", "sla_monitor.")
_MOST_STEPS = 20


@dataclass(frozen=True, slots=True)
class CodeFailure:
    """The type of an exception and where in Tallystick it came up; `steps` lead there from the outside in."""

    error: str
    place: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.error} in {self.place}"


def attempt(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | CodeFailure:
    """What `work` returns, or its failure as a value. Raises what is the process's, the store's or the log's."""
    try:
        return work(*args, **kwargs)
    except _OF_THE_PROCESS:
        raise
    except Exception as error:  # noqa: BLE001 (ADR 25: the one place where an item's failure is caught)
        return code_failure(error)


def code_failure(error: BaseException) -> CodeFailure:
    """What is kept of an exception: its type, and the innermost line of the product that it came through."""
    frames = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    names = [f"{frame.f_globals.get('__name__', '?')}.{frame.f_code.co_qualname}:{line}" for frame, line in frames]
    steps = names[-_MOST_STEPS:]
    own_code = [name for name in steps if name.startswith(_PRODUCT) and not name.startswith(f"{__name__}.")]
    return CodeFailure(type(error).__name__, (own_code or steps or ["an unknown place"])[-1], tuple(steps))
