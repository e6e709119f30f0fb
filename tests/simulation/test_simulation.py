"""Whatever goes wrong, in whatever order: the services end where the oracle says, and find out when they would not."""

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Executor, Future

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.fleet import Examined, examine, fleet, report
from tests.simulation.gate import TROUBLES
from tests.simulation.running import held_up

IN_FULL = bool(os.environ.get("CI"))
SEEDS = 500 if IN_FULL else 50
# One seed in some hundred finds these.
RARE = {"forgets to look back"}
SOUGHT = [bug for bug in BUGS if IN_FULL or bug not in RARE]
AT_ONCE = 10
# More callbacks than an idle monitor's round takes.
AWAITS = 60
# Each of these must have been met in so many runs at least, on average; or the runs say nothing about it.
SELDOMEST = 1 / 5
FAULTS = (
    *("killed", "thawed", "evicted", "skewed", "overtaken", "fenced"),
    *("live state put back", "billing put back", "read model put back"),
    *("told late", "told again", "contradicted", "babbled"),
    *TROUBLES,
)


@pytest.fixture(scope="module")
def processes() -> Iterator[Executor]:
    with fleet() as processes:
        yield processes


@pytest.fixture(scope="module")
def sound(processes: Executor) -> list[Examined]:
    """What all seeds came to."""
    return list(processes.map(examine, [range(first, first + AT_ONCE) for first in range(0, SEEDS, AT_ONCE)]))


@pytest.fixture(scope="module")
def planted(processes: Executor) -> dict[str, Future[Examined]]:
    """The search for each bug."""
    return {bug: processes.submit(examine, range(SEEDS), bug) for bug in SOUGHT}


def test_whatever_goes_wrong_the_end_is_what_the_oracle_says(processes: Executor, sound: list[Examined]) -> None:
    failed = [examined.failed for examined in sound if examined.failed is not None]

    assert not failed, processes.submit(report, failed[0]).result()


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_was_met_often_enough_to_say_something(sound: list[Examined], fault: str) -> None:
    met = sum((examined.met for examined in sound), Counter())

    assert met[fault] >= SEEDS * SELDOMEST, met


def test_a_monitor_held_up_between_any_two_awaits_announces_nothing_that_is_not_so(processes: Executor) -> None:
    wrong = list(processes.map(held_up, range(AWAITS)))

    assert [each for each in wrong if each] == []


@pytest.mark.parametrize("bug", SOUGHT)
def test_a_planted_bug_is_found(planted: dict[str, Future[Examined]], bug: str) -> None:
    assert planted[bug].result().failed is not None
