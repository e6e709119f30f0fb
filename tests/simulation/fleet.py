"""Many runs on all cores, each process with the same hashes, so that a seed means the same everywhere."""

import logging
import os
from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, NoReturn
from unittest.mock import patch

import structlog

from tests.simulation.bugs import BUGS
from tests.simulation.plan import Step, plan
from tests.simulation.running import Run, run
from tests.simulation.shrinking import shortest

STEPS = 400
# The order of a set of names, and so of what is done, follows from their hashes.
HASHES = {"PYTHONHASHSEED": "0"}


@dataclass(frozen=True)
class Examined:
    """What some seeds came to: the first that failed, if any did, and all that was met until then."""

    failed: int | None
    met: Counter[str]


def examine(seeds: range, bug: str | None = None) -> Examined:
    """The seeds are run in order, up to the first that fails; with `bug` planted, where one is named."""
    met: Counter[str] = Counter()
    for seed in seeds:
        ran = _run(plan(seed, STEPS), bug)
        met += ran.met
        if ran.wrong:
            return Examined(seed, met)
    return Examined(None, met)


def report(seed: int, bug: str | None = None) -> str:
    """What went wrong with a seed, and the fewest steps that still bring something like it about."""
    steps = plan(seed, STEPS)
    kinds = _run(steps, bug).kinds
    if not kinds:
        return f"seed {seed}: nothing went wrong"
    ran = _run(shortest(steps, lambda fewer: bool(_run(fewer, bug).kinds & kinds)), bug)
    again = f"python -m tests.simulation {seed}" + (f" {bug!r}" if bug else "")
    return "\n".join([f"seed {seed}, shown again by `{again}`:", *ran.story, "wrong in the end:", *ran.wrong])


@contextmanager
def fleet() -> Iterator[Executor]:
    """Processes to run seeds in, one for each core. What the services would log is not of interest."""
    spawn = get_context("spawn")
    with patch.dict(os.environ, HASHES), ProcessPoolExecutor(mp_context=spawn, initializer=silence) as processes:
        yield processes


def silence() -> None:
    """Nothing is logged by this process any more."""
    logging.disable()
    structlog.configure(processors=[_drop])


def _drop(_logger: object, _name: str, _event: MutableMapping[str, Any]) -> NoReturn:
    raise structlog.DropEvent


def _run(steps: Sequence[Step], bug: str | None) -> Run:
    planted: AbstractContextManager[object] = BUGS[bug]() if bug else nullcontext()
    with planted:
        return run(steps)
