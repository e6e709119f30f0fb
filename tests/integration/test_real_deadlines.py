"""Boston's service requests of 2015: the city's own verdicts, and its own deadlines, come out."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.support.figures import print_figure
from tests.support.real_data import BOSTON, BOSTON_RULES, NEEDS_REAL_DATA, rows, shown, steady, verdicts
from tests.support.replay_command import ReplayCommand, ReplayRun, run_apart
from tests.support.state_folder import shards_read, unread

pytestmark = [*NEEDS_REAL_DATA, pytest.mark.long]

EXTRACTED = "2016-01-12T23:00:00-05:00"
NEW_YORK = ZoneInfo("America/New_York")
CITY_SAYS = {"met": "ONTIME", "running": "ONTIME", "breached": "OVERDUE"}
TOLERANCE = timedelta(seconds=61)  # the city's system cuts many targets to the minute, or sets them a second short


@pytest.fixture(scope="module")
def recorded() -> Iterator[ReplayRun]:
    """Judged by the deadlines that the city recorded."""
    with run_apart(ReplayCommand(BOSTON, "boston-311", EXTRACTED)) as ran:
        yield ran


@pytest.fixture(scope="module")
def by_rule() -> Iterator[ReplayRun]:
    """Judged by a rule for each type of request."""
    with run_apart(ReplayCommand(BOSTON, "boston-311-rules", EXTRACTED, ("--lookup", f"rules={BOSTON_RULES}"))) as ran:
        yield ran


def test_the_verdict_is_the_citys_on_every_request_that_has_a_target_and_a_verdict(recorded: ReplayRun) -> None:
    found = verdicts(recorded)

    pairs = Counter(
        (row["on_time"], CITY_SAYS[found[row["case_enquiry_id"]]["verdict"]])
        for row in rows(BOSTON)
        if row["target_dt"] and row["on_time"]
    )

    assert pairs == {("ONTIME", "ONTIME"): 63_555, ("OVERDUE", "OVERDUE"): 30_446}
    assert pairs.total() == 94_001


def test_a_request_is_out_of_scope_exactly_when_the_city_set_it_no_target(recorded: ReplayRun) -> None:
    found = verdicts(recorded)

    without_target = {row["case_enquiry_id"] for row in rows(BOSTON) if not row["target_dt"]}

    assert {item for item, line in found.items() if line["verdict"] == "out-of-scope"} == without_target
    assert (len(found), len(without_target)) == (121_145, 26_991)


def test_one_rule_for_each_type_gives_at_least_91_percent_of_the_citys_deadlines(by_rule: ReplayRun) -> None:
    found = verdicts(by_rule)
    targets = {row["case_enquiry_id"]: row["target_dt"] for row in rows(BOSTON) if row["target_dt"]}

    near = sum(
        abs(datetime.fromisoformat(due) - datetime.fromisoformat(target).replace(tzinfo=NEW_YORK)) <= TOLERANCE
        for item, target in targets.items()
        if (due := found[item]["due_at"])
    )

    print_figure(f"{near:,} of {len(targets):,} deadlines: {100 * near / len(targets):.2f}%")
    assert len(targets) == 94_154
    assert near * 100 >= len(targets) * 91


@pytest.mark.parametrize("name", ["recorded", "by_rule"])
def test_every_offset_that_was_passed_has_a_result_and_none_is_left(name: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(name).folder

    assert not [read for read in shards_read(folder) if read.unaccounted]
    assert set(unread(folder).values()) == {0}


@pytest.mark.parametrize(("name", "mapping"), [("recorded", "boston-311"), ("by_rule", "boston-311-rules")])
def test_the_page_shows_what_the_command_prints(name: str, mapping: str, request: pytest.FixtureRequest) -> None:
    assert steady(request.getfixturevalue(name).output) == shown(mapping)
