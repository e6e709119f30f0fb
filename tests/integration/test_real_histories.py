"""Logs with one row for each step: payments within 30 days, and tickets with pauses whose every second is explained."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sla_monitor.reports.item_report import VerdictReport, item_report
from tests.support.figures import print_figure
from tests.support.real_data import HELP_DESK, NEEDS_REAL_DATA, REQUESTS_FOR_PAYMENT, rows, shown, steady, verdicts
from tests.support.replay_command import ReplayCommand, ReplayRun, run, run_apart
from tests.support.state_folder import JUDGING, answers, content_of, shards_read, unread

pytestmark = [*NEEDS_REAL_DATA, pytest.mark.long]

LOG_ENDED = "2014-02-01T00:00:00+01:00"
ROME = ZoneInfo("Europe/Rome")
PAYING = ReplayCommand(REQUESTS_FOR_PAYMENT, "request-for-payment", "2020-01-01T00:00:00+01:00")


@pytest.fixture(scope="module")
def paid() -> Iterator[ReplayRun]:
    """The requests for payment, replayed."""
    with run_apart(PAYING) as ran:
        yield ran


@pytest.fixture(scope="module")
def helped() -> Iterator[ReplayRun]:
    """The help desk's tickets, replayed."""
    with run_apart(ReplayCommand(HELP_DESK, "helpdesk-italy", LOG_ENDED)) as ran:
        yield ran


def test_of_the_6307_requests_that_were_paid_94_4_percent_took_at_most_30_days(paid: ReplayRun) -> None:
    outcomes = Counter(line["verdict"] for line in verdicts(paid).values() if line["stopped_at"])

    assert outcomes.total() == 6_307
    assert outcomes.keys() == {"met", "breached"}
    assert round(100 * outcomes["met"] / outcomes.total(), 1) == 94.4


def test_a_paid_request_is_met_exactly_when_the_logs_own_times_are_at_most_30_days_apart(paid: ReplayRun) -> None:
    submitted: dict[str, datetime] = {}
    handled: dict[str, datetime] = {}
    for row in rows(REQUESTS_FOR_PAYMENT):
        at, case = datetime.fromisoformat(row["timestamp"]), row["case_id"]
        if row["activity"] == "Request For Payment SUBMITTED by EMPLOYEE":
            submitted[case] = min(at, submitted.get(case, at))
        elif row["activity"] == "Payment Handled":
            handled[case] = max(at, handled.get(case, at))

    in_time = {case for case, at in handled.items() if at - submitted[case] <= timedelta(days=30)}

    lines = verdicts(paid)
    assert {case for case in handled if lines[case]["verdict"] == "met"} == in_time


def test_a_second_replay_changes_no_verdict_and_no_pound(tmp_path: Path) -> None:
    months = [f"{year}-{month:02}" for year in (2017, 2018, 2019) for month in range(1, 13)]
    first = run(PAYING, tmp_path)
    file, before = first.verdicts.read_bytes(), content_of(tmp_path, months)

    second = run(PAYING, tmp_path)

    assert second.verdicts.read_bytes() == file
    assert content_of(tmp_path, months) == before
    results = sum((read.results for read in shards_read(tmp_path) if read.reader == JUDGING), Counter())
    assert results == {"applied": 13_121, "duplicate": 13_121}
    assert not [read for read in shards_read(tmp_path) if read.unaccounted]


def test_counted_paused_and_outside_hours_add_up_to_the_time_elapsed_of_every_ticket(helped: ReplayRun) -> None:
    as_of = datetime.fromisoformat(LOG_ENDED).astimezone(UTC)
    first_row: dict[str, str] = {}
    for row in rows(HELP_DESK):
        first_row[row["case_id"]] = min(row["timestamp"], first_row.get(row["case_id"], row["timestamp"]))
    reports = {answer.item: item_report(answer).verdicts for answer in answers(helped.folder, LOG_ENDED)}

    assert reports.keys() == {name_of(case) for case in first_row}
    for case, written in first_row.items():
        (verdict,) = reports[name_of(case)]
        began = datetime.fromisoformat(written).replace(tzinfo=ROME).astimezone(UTC)
        elapsed = (verdict.stopped_at or as_of) - began
        assert verdict.counted_s + verdict.paused_s + verdict.closed_s == elapsed.total_seconds(), case
        assert covers(verdict), case
    print_figure(f"seconds: {dict(seconds_by_kind([verdict for (verdict,) in reports.values()]))}")


def name_of(case: str) -> str:
    """The ticket's id: the log's own, in the form of an id."""
    return case.lower().replace(" ", "-")


def covers(verdict: VerdictReport) -> bool:
    """Whether the segments follow each other without a gap, and the seconds of each are its own."""
    return all(one.end_at == other.start_at for one, other in pairwise(verdict.trace)) and all(
        segment.seconds == (segment.end_at - segment.start_at).total_seconds() for segment in verdict.trace
    )


def seconds_by_kind(judged: list[VerdictReport]) -> Counter[str]:
    """How the time of all tickets was spent."""
    sums: Counter[str] = Counter()
    for verdict in judged:
        for segment in verdict.trace:
            sums[segment.kind] += segment.seconds
    return sums


@pytest.mark.parametrize(("name", "mapping"), [("paid", "request-for-payment"), ("helped", "helpdesk-italy")])
def test_every_offset_has_a_result_and_the_page_shows_what_was_printed(
    name: str, mapping: str, request: pytest.FixtureRequest
) -> None:
    ran = request.getfixturevalue(name)

    assert not [read for read in shards_read(ran.folder) if read.unaccounted]
    assert set(unread(ran.folder).values()) == {0}
    assert steady(ran.output) == shown(mapping)
