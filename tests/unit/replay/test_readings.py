"""One row per reading: a quantity of a date."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.contracts.usage import UsageAdjusted, UsageData, UsageRecorded
from tests.support.replays import READINGS, changed, mapping_of, replay, replay_file

HEADER = "council,paid,lines\n"


def test_a_reading_counts_on_its_date_whatever_the_time_zone_makes_of_it(tmp_path: Path) -> None:
    event = replay(tmp_path, READINGS, HEADER + "leeds,2018-07-01,3\n").only()

    assert isinstance(event, UsageRecorded)
    assert event.data == UsageData(service="accounts-payable", quantity="3", business_date=date(2018, 7, 1))
    assert event.time == datetime(2018, 6, 30, 23, tzinfo=UTC)


def test_readings_ascend_by_their_dates(tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + "leeds,2018-07-02,1\nsalford,2018-07-01,1\nbury,2018-07-02,1\n")

    assert [timed.key.split(":")[0] for timed in replayed.timed] == ["salford", "leeds", "bury"]


@pytest.mark.parametrize("name", ["april.csv", "may.csv"])
def test_neither_the_files_name_nor_the_line_plays_a_part_in_a_reading_without_an_id(name: str, tmp_path: Path) -> None:
    row, other = "leeds,2018-07-02,1\n", "leeds,2018-07-03,1\n"
    (tmp_path / name).write_text(HEADER + other + "\n" + row, encoding="utf-8")

    renamed = replay_file(mapping_of(tmp_path, READINGS), tmp_path / name)

    assert renamed.timed == replay(tmp_path, READINGS, HEADER + row + other).timed


def test_equal_rows_are_two_readings(tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + "leeds,2018-07-02,1\nleeds,2018-07-02,1\n")

    assert len({event.id for event in replayed.events}) == 2


def test_an_id_of_ones_own_must_be_given_once(tmp_path: Path) -> None:
    mapping = changed(READINGS, {"date: paid": "date: paid\nreading: number"})

    replayed = replay(tmp_path, mapping, "number,council,paid,lines\nA1,leeds,2018-07-02,1\nA1,leeds,2018-07-03,1\n")

    assert [rejected.reason for rejected in replayed.rejected] == ["reading 'A1' of 'leeds' is on line 2 already"]
    assert [timed.key for timed in replayed.timed] == ["leeds:A1"]


@pytest.mark.parametrize("quantity", ["", "-1", "1e3", "10,00", "1.1234567", "NaN", "１２"])
def test_what_is_no_quantity_is_refused(quantity: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + f'leeds,2018-07-02,"{quantity}"\n')

    assert replayed.timed == []
    assert replayed.counts.refused == 1


def test_a_refused_row_leaves_the_others(tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + "leeds,2018-02-30,1\nleeds,2018-07-02,1\n")

    assert (replayed.counts.translated, replayed.counts.refused, replayed.counts.rows) == (1, 1, 2)


ADJUSTED = changed(READINGS, {"date: paid": "date: paid\nreading: number\nadjusts: of"})
ADJUSTED_HEADER = "number,of,council,paid,lines\n"


def test_a_quantity_below_zero_adjusts_the_reading_that_it_names(tmp_path: Path) -> None:
    csv = ADJUSTED_HEADER + "C1,A1,leeds,2018-07-05,(2)\nA1,,leeds,2018-07-02,5\nC2,A1,leeds,2018-07-05,2 CR\n"

    recorded, *adjusted = replay(tmp_path, ADJUSTED, csv).events

    assert isinstance(recorded, UsageRecorded)
    assert [each.data.quantity for each in adjusted if isinstance(each, UsageAdjusted)] == ["-2", "-2"]
    assert {each.data.adjusted_id for each in adjusted if isinstance(each, UsageAdjusted)} == {recorded.id}
    assert len({each.id for each in adjusted}) == 2  # equal corrections are two


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("C1,,leeds,2018-07-05,-2", "quantity: -2 is below zero, and the row names no reading that it adjusts"),
        ("C1,A9,leeds,2018-07-05,-2", "of: the file has no reading 'A9' of 'leeds'"),
    ],
)
def test_a_quantity_below_zero_is_refused_where_it_adjusts_nothing(row: str, reason: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, ADJUSTED, ADJUSTED_HEADER + row + "\n")

    assert [rejected.reason for rejected in replayed.rejected] == [reason]
