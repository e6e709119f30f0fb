"""Columns of times as a mapping describes them: two columns, zones, lengths of time, forms by column."""

from pathlib import Path

import pytest

from tallystick.replay.times import DATE_ONLY
from tests.support.replays import TICKETS, Replayed, changed, replay

HEADER = "number,council,opened,resolved,at,tz,spent\n"


def replayed_with(folder: Path, times: str, row: str, *, resolved: str = "resolved") -> Replayed:
    mapping = changed(TICKETS, {"column: resolved": f"column: {resolved}", "events:": f"times: {times}\nevents:"})
    return replay(folder, mapping, HEADER + row + "\n")


def instants(replayed: Replayed) -> list[str]:
    assert replayed.rejected == []
    return [event.time.isoformat()[:16] for event in replayed.events]


def test_a_date_and_a_time_of_day_in_two_columns_are_one_instant(tmp_path: Path) -> None:
    times = '{opened: {format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"], time: at}}'

    assert instants(replayed_with(tmp_path, times, "7,adur,29/06/2026,,09:00,,")) == ["2026-06-29T08:00"]
    blank = replayed_with(tmp_path, times, "7,adur,29/06/2026,,,,")
    assert instants(blank) == ["2026-06-28T23:00"]
    assert blank.counts.notes == {DATE_ONLY: 1}


def test_each_column_may_have_its_own_form(tmp_path: Path) -> None:
    times = '{opened: {format: "%d/%m/%Y %H:%M"}, resolved: {format: epoch-seconds}}'

    assert instants(replayed_with(tmp_path, times, "7,adur,29/06/2026 09:00,1782734400,,,")) == [
        "2026-06-29T08:00",
        "2026-06-29T12:00",
    ]


@pytest.mark.parametrize(
    ("zone", "utc"),
    [
        ("Europe/Paris", "2026-06-29T07:00"),
        ("UTC", "2026-06-29T09:00"),
        ("+05:30", "2026-06-29T03:30"),
        ("BST", "2026-06-29T08:00"),
    ],
)
def test_a_column_with_the_zone_is_honoured(zone: str, utc: str, tmp_path: Path) -> None:
    replayed = replayed_with(tmp_path, "{opened: {zone_column: tz}}", f"7,adur,2026-06-29T09:00:00,,,{zone},")

    assert instants(replayed) == [utc]


@pytest.mark.parametrize("zone", ["", "PDT", "somewhere"])
def test_a_column_with_no_zone_that_can_be_honoured_refuses_the_row(zone: str, tmp_path: Path) -> None:
    replayed = replayed_with(tmp_path, "{opened: {zone_column: tz}}", f"7,adur,2026-06-29T09:00:00,,,{zone},")

    assert replayed.events == []
    assert replayed.rejected[0].reason.startswith("opened: ")


def test_a_column_of_another_zone_is_read_in_it(tmp_path: Path) -> None:
    times = "{resolved: {zone: UTC}}"

    assert instants(replayed_with(tmp_path, times, "7,adur,2026-06-29T09:00:00,2026-06-29T09:00:00,,,")) == [
        "2026-06-29T08:00",
        "2026-06-29T09:00",
    ]


@pytest.mark.parametrize(("spent", "unit"), [("4h 10m", "text"), ("250", "minutes")])
def test_a_length_of_time_is_added_to_another_column(spent: str, unit: str, tmp_path: Path) -> None:
    times = f"{{done: {{column: opened, plus: spent, plus_unit: {unit}}}}}"
    replayed = replayed_with(tmp_path, times, f"7,adur,2026-06-29T09:00:00,,,,{spent}", resolved="done")

    assert instants(replayed) == ["2026-06-29T08:00", "2026-06-29T12:10"]


def test_without_a_length_of_time_it_did_not_happen(tmp_path: Path) -> None:
    times = "{done: {column: opened, plus: spent}}"

    assert replayed_with(tmp_path, times, "7,adur,2026-06-29T09:00:00,,,,", resolved="done").names == ["opened"]
    negative = replayed_with(tmp_path, times, "7,adur,2026-06-29T09:00:00,,,,-1h 5m", resolved="done")
    assert [each.reason for each in negative.rejected] == ["spent: '-1h 5m' is negative: it cannot be added to a time"]
