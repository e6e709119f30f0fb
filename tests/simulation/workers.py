"""Many runs on all cores, each process with the same hashes, so that a seed means the same run everywhere."""

import logging
import os
import subprocess
from collections import Counter
from collections.abc import Iterator, MutableMapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import structlog

from tests.simulation.bugs import BUGS, EMPHASES
from tests.simulation.plan import PLAIN, Emphasis, Step, plan
from tests.simulation.runs import Run, run, run_with_failure
from tests.simulation.shrinking import shortest

STEPS = 400
# The order of a set of names, and so of what is done, depends on their hashes.
HASHES = {"PYTHONHASHSEED": "0"}
_SEEDS_OF_A_COMMIT = 1_000
# What a process dies of when a bug is planted with a signature or a type of yesterday: that would find anything.
_MISTAKES = ("TypeError", "AttributeError", "NameError")


@dataclass(frozen=True)
class SeedResults:
    """The first seed that failed, if any did, and the faults that occurred until then."""

    failed: int | None
    occurred: Counter[str]


def seeds_of_commit() -> range:
    """As many seeds as SIMULATION_SEEDS says, others for every commit: COMMIT, or what is checked out here."""
    commit = os.environ.get("COMMIT") or _checked_out()
    first = int(commit[:8], 16) * _SEEDS_OF_A_COMMIT
    return range(first, first + int(os.environ.get("SIMULATION_SEEDS", "20")))


def run_seeds(seeds: Sequence[int], bug: str | None = None, *, emphasis: Emphasis = PLAIN) -> SeedResults:
    """The seeds are run in order, up to the first that fails; with `bug` planted, where one is named."""
    occurred: Counter[str] = Counter()
    for seed in seeds:
        ran = _run(_planned(seed, bug, emphasis), bug)
        occurred += ran.occurred
        if ran.wrong:
            return SeedResults(seed, occurred)
    return SeedResults(None, occurred)


def fail_on_a_ticket(seed: int) -> list[str]:
    """What goes wrong with the seed where judging one of the first three tickets raises."""
    return run_with_failure(plan(seed, STEPS), number=seed % 3)


def finding_seeds(bug: str, *, count: int) -> list[int]:
    """The first seeds that find a planted bug."""
    found: list[int] = []
    while len(found) < count:
        result = run_seeds(range(found[-1] + 1 if found else 0, 10_000), bug)
        if result.failed is None:
            raise LookupError(f"no seed below 10,000 finds: {bug}")
        found.append(result.failed)
    return found


def report(seed: int, bug: str | None = None) -> str:
    """What went wrong with a seed, and the fewest steps that still bring something like it about."""
    steps = _planned(seed, bug)
    kinds = _run(steps, bug).kinds
    if not kinds:
        return f"seed {seed}: nothing went wrong"
    ran = _run(shortest(steps, lambda fewer: bool(_run(fewer, bug).kinds & kinds)), bug)
    again = f"python -m tests.simulation {seed}" + (f" {bug!r}" if bug else "")
    return "\n".join([f"seed {seed}, shown again by `{again}`:", *ran.trace, "wrong in the end:", *ran.wrong])


@contextmanager
def worker_pool() -> Iterator[Executor]:
    """Processes to run seeds in, one for each core. What the services would log is dropped."""
    spawn = get_context("spawn")
    with patch.dict(os.environ, HASHES), ProcessPoolExecutor(mp_context=spawn, initializer=disable_logging) as workers:
        yield workers


def disable_logging() -> None:
    """This process logs nothing any more."""
    logging.disable()
    structlog.configure(processors=[_drop])


def _drop(_logger: object, _name: str, _event: MutableMapping[str, Any]) -> NoReturn:
    raise structlog.DropEvent


def _planned(seed: int, bug: str | None, emphasis: Emphasis = PLAIN) -> list[Step]:
    """The steps of a seed; with the emphasis by which the bug is found."""
    return plan(seed, STEPS, EMPHASES.get(bug, emphasis) if bug else emphasis)


def _run(steps: Sequence[Step], bug: str | None) -> Run:
    planted: AbstractContextManager[object] = BUGS[bug]() if bug else nullcontext()
    with planted:
        ran = run(steps)
    if bug and (mistakes := [wrong for wrong in ran.wrong if any(name in wrong for name in _MISTAKES)]):
        raise RuntimeError(f"{bug} no longer fits what it is planted in: {mistakes[0]}")
    return ran


def _checked_out() -> str:
    """The id of the commit that is checked out; zeros where git or the repository is not there."""
    here = Path(__file__).parent
    try:
        asked = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "0" * 40
    return asked.stdout.strip()
