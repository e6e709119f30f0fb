"""One row per reading: a quantity of a date."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.contracts.usage import UsageData, UsageRecorded
from tests.support.replays import READINGS, changed, replay

HEADER = "council,paid,lines\n"


def test_a_reading_counts_on_its_date_whatever_the_time_zone_makes_of_it(tmp_path: Path) -> None:
    event = replay(tmp_path, READINGS, HEADER + "leeds,2018-07-01,3\n").only()

    assert isinstance(event, UsageRecorded)
    assert event.data == UsageData(service="accounts-payable", quantity="3", business_date=date(2018, 7, 1))
    assert event.time == datetime(2018, 6, 30, 23, tzinfo=UTC)


def test_readings_keep_the_order_of_the_file(tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + "leeds,2018-07-02,1\nsalford,2018-07-01,1\n")

    assert [timed.key for timed in replayed.timed] == ["leeds:export-2", "salford:export-3"]


def test_equal_rows_are_two_readings(tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + "leeds,2018-07-02,1\nleeds,2018-07-02,1\n")

    assert len({event.id for event in replayed.events}) == 2


def test_an_id_of_ones_own_must_be_given_once(tmp_path: Path) -> None:
    mapping = changed(READINGS, {"date: paid": "date: paid\nreading: number"})

    replayed = replay(tmp_path, mapping, "number,council,paid,lines\nA1,leeds,2018-07-02,1\nA1,leeds,2018-07-03,1\n")

    assert [rejected.reason for rejected in replayed.rejected] == ["reading 'A1' of 'leeds' is on line 2 already"]
    assert [timed.key for timed in replayed.timed] == ["leeds:A1"]


@pytest.mark.parametrize("quantity", ["", "-1", "1e3", "1,000", "1.1234567", "NaN", "１２"])
def test_what_is_no_quantity_is_refused(quantity: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + f'leeds,2018-07-02,"{quantity}"\n')

    assert replayed.timed == []
    assert replayed.counts.refused == 1


def test_a_refused_row_leaves_the_others(tmp_path: Path) -> None:
    replayed = replay(tmp_path, READINGS, HEADER + "leeds,2018-02-30,1\nleeds,2018-07-02,1\n")

    assert (replayed.counts.translated, replayed.counts.refused, replayed.counts.rows) == (1, 1, 2)
