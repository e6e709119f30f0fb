"""Whatever goes wrong, in whatever order: the services end where the oracle says, and planted bugs are found.

The sound runs have other seeds with every commit. A planted bug has recorded seeds that find it; where a change of the
product makes one miss it, `python -m tests.simulation record` finds new ones.
"""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor

import pytest

from tests.simulation.bugs import BUGS, EMPHASES, SEEDS
from tests.simulation.faults import PORT_FAULTS
from tests.simulation.runs import run_with_delay
from tests.simulation.workers import fail_on_a_ticket, report, run_seeds, seeds_of_commit, worker_pool
from tests.support.figures import print_figure

AT_ONCE = 5
# More callbacks than an idle monitor's round takes.
AWAITS = 60
# Each of these must have occurred in so many runs at least, on average; or the runs say nothing about it.
LEAST_OFTEN = 1 / 5
# An item must end, leave live state and be named again, in one run of seven. Each kind of what may bring one back is
# tried by tests/integration/test_archiving.py.
RARER = {"brought back": 1 / 20}
FAULTS = (
    *("killed", "thawed", "evicted", "skewed", "offset expired", "fenced"),
    *("live state restored", "billing restored", "read model restored"),
    *("sent late", "sent again", "withdrawn", "contradicted", "garbage sent"),
    *("archived", "brought back"),
    *PORT_FAULTS,
)


@pytest.fixture(scope="module")
def workers() -> Iterator[Executor]:
    with worker_pool() as workers:
        yield workers


def test_whatever_goes_wrong_the_end_is_what_the_oracle_says(workers: Executor) -> None:
    seeds = seeds_of_commit()
    print_figure(f"seeds {seeds.start} to {seeds.stop - 1}")

    results = list(workers.map(run_seeds, [seeds[first : first + AT_ONCE] for first in range(0, len(seeds), AT_ONCE)]))

    failed = [result.failed for result in results if result.failed is not None]
    assert not failed, workers.submit(report, failed[0]).result()
    occurred = sum((result.occurred for result in results), Counter())
    assert not [each for each in FAULTS if occurred[each] < len(seeds) * RARER.get(each, LEAST_OFTEN)], occurred


def test_a_monitor_delayed_between_any_two_awaits_announces_nothing_that_is_not_so(workers: Executor) -> None:
    wrong = list(workers.map(run_with_delay, range(AWAITS)))

    assert [each for each in wrong if each] == []


def test_a_ticket_that_cannot_be_judged_harms_no_other_and_is_judged_by_another_release(workers: Executor) -> None:
    seeds = seeds_of_commit()

    wrong = dict(zip(seeds, workers.map(fail_on_a_ticket, seeds), strict=True))

    assert {seed: each for seed, each in wrong.items() if each} == {}


@pytest.mark.parametrize("bug", EMPHASES)
def test_what_finds_a_rare_bug_goes_well_without_it(workers: Executor, bug: str) -> None:
    result = workers.submit(run_seeds, SEEDS[bug], emphasis=EMPHASES[bug]).result()

    assert result.failed is None


def _planted() -> Iterator[object]:
    """Each bug with each of its seeds; the first of them is tried in minutes, the others with what is long."""
    for bug in BUGS:
        for seed in SEEDS[bug]:
            yield pytest.param(bug, seed, marks=[pytest.mark.long] * (seed != SEEDS[bug][0]))


@pytest.mark.parametrize(("bug", "seed"), [*_planted()])
def test_a_planted_bug_is_found_by_each_of_its_seeds(workers: Executor, bug: str, seed: int) -> None:
    result = workers.submit(run_seeds, [seed], bug).result()

    assert result.failed == seed, "find new ones: python -m tests.simulation record"


def test_every_planted_bug_has_seeds() -> None:
    assert not [bug for bug in BUGS if not SEEDS[bug]]
