"""An item in words: folded to what a person reads at one look, and never another sum than its trace."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from sla_monitor.reports.item_report import ItemAnswer, ItemReport, item_report
from sla_monitor.reports.item_text import MAX_LINES, TimeRow, folded, item_text
from sla_monitor.reports.items import item_page
from tests.support.histories import LONDON, agreement_index, at, calendar, evaluated, facts

Line = tuple[str, str]
OPENED: Line = ("Mon 2026-03-02 09:00", "opened")
RESOLVED: Line = ("Wed 2027-01-27 12:00", "resolved")
CHRISTMAS = calendar(closed={"2026-12-25": "Christmas Day", "2026-12-28": "Boxing Day (substitute day)"})


def report(*lines: Line, as_of: str, within: Sequence[str] = ("8 working hours",)) -> ItemReport:
    history = facts(*lines)
    targets = [{"id": f"t{number}", "within": each, "calendar": "office"} for number, each in enumerate(within)]
    evaluation = evaluated(history, agreement_index(*targets, hours=CHRISTMAS), as_of=as_of)
    return item_report(ItemAnswer("adur", "ticket", "T1", at(as_of), history, evaluation, []))


def pauses(first: date, *, every_days: int, times: int) -> list[Line]:
    """A pause from 10:00 to 11:00 on weekdays, so many days apart."""
    days = [first + timedelta(days=every_days * number) for number in range(times)]
    return [
        line
        for day in days
        if day.weekday() < 5
        for line in ((f"{day:%a %Y-%m-%d} 10:00", "paused"), (f"{day:%a %Y-%m-%d} 11:00", "resumed"))
    ]


def test_a_few_days_have_a_line_each_and_nights_weekends_and_holidays_have_none() -> None:
    item = report(
        ("Thu 2026-12-24 15:00", "opened"), ("Wed 2026-12-30 10:00", "resolved"), as_of="Thu 2026-12-31 09:00"
    )

    lines = [line.strip() for line in item_text(item) if line.startswith("    ")]

    assert lines == [
        "Thu 24 Dec 2026                 counted 2:00:00",
        "Tue 29 Dec 2026                 counted 8:00:00",
        "Wed 30 Dec 2026                 counted 1:00:00",
        "25 December closed: Christmas Day; 28 December closed: Boxing Day (substitute day)",
        "folded from 10 segments; --long, or ?long=true, has each of them",
    ]


@pytest.mark.parametrize(
    ("name", "paused"),
    [
        ("never paused", []),
        ("paused each month", pauses(date(2026, 3, 9), every_days=28, times=11)),
        ("paused each week", pauses(date(2026, 3, 4), every_days=7, times=46)),
        ("paused each day", pauses(date(2026, 3, 3), every_days=1, times=320)),
    ],
)
@pytest.mark.parametrize("within", [("8 working hours",), ("8 working hours", "10 working days")])
def test_a_ticket_of_eleven_months_has_at_most_forty_lines(
    name: str, paused: list[Line], within: tuple[str, ...]
) -> None:
    item = report(OPENED, *paused, RESOLVED, as_of="Mon 2027-02-01 09:00", within=within)

    assert len(item_text(item)) <= MAX_LINES, name
    assert any(" counted " in line and "Mon 02 Mar" in line for line in item_text(item)), name
    assert len(item_text(item, long=True)) > sum(len(verdict.trace) for verdict in item.verdicts)


@pytest.mark.parametrize("most", [0, 1, 3, 12, 40, 400])
def test_folded_rows_keep_every_second_and_their_order(most: int) -> None:
    item = report(OPENED, *pauses(date(2026, 3, 3), every_days=3, times=100), RESOLVED, as_of="Mon 2027-02-01 09:00")
    (verdict,) = item.verdicts

    rows = folded(verdict.trace, LONDON, most=most)

    assert len(rows) <= most
    assert rows == sorted(rows, key=lambda row: row.first)
    if rows:
        assert sum(row.counted_s for row in rows) == verdict.counted_s
        assert sum(row.paused_s for row in rows) == verdict.paused_s


def test_like_days_in_a_row_are_one_line_where_a_line_a_day_is_too_many() -> None:
    paused = [("Wed 2026-03-04 09:00", "paused council"), ("Mon 2026-03-09 09:00", "resumed")]
    item = report(OPENED, *paused, ("Mon 2026-03-16 12:00", "resolved"), as_of="Tue 2026-03-17 09:00")

    rows = folded(item.verdicts[0].trace, LONDON, most=3)

    assert [(row.first, row.last, row.days, row.counted_s, row.paused_s) for row in rows] == [
        (date(2026, 3, 2), date(2026, 3, 3), 2, 16 * 3600, 0),
        (date(2026, 3, 4), date(2026, 3, 6), 3, 0, 24 * 3600),
        (date(2026, 3, 9), date(2026, 3, 16), 6, 43 * 3600, 0),
    ]


def test_time_around_the_clock_is_cut_at_midnight_on_the_night_when_the_clocks_change() -> None:
    history = facts(("Sat 2026-10-24 12:00", "opened"), ("Mon 2026-10-26 12:00", "resolved"))
    evaluation = evaluated(history, agreement_index({"within": "30 hours"}), as_of="Tue 2026-10-27 12:00")
    (verdict,) = item_report(
        ItemAnswer("adur", "ticket", "T1", at("Tue 2026-10-27 12:00"), history, evaluation, [])
    ).verdicts

    rows = folded(verdict.trace, LONDON, most=40)

    assert rows == [
        TimeRow(date(2026, 10, 24), date(2026, 10, 24), 1, 12 * 3600, 0, ()),
        TimeRow(date(2026, 10, 25), date(2026, 10, 25), 1, 25 * 3600, 0, ()),
        TimeRow(date(2026, 10, 26), date(2026, 10, 26), 1, 12 * 3600, 0, ()),
    ]


def test_the_heading_names_the_opening_the_instant_and_the_zone() -> None:
    item = report(OPENED, as_of="Tue 2026-03-03 12:00")

    assert item_text(item)[1] == (
        "  opened Mon 02 Mar 2026 09:00:00, as of Tue 03 Mar 2026 12:00:00; times of Europe/London"
    )


def test_warnings_are_in_order_of_time_with_their_percentage() -> None:
    item = report(OPENED, as_of="Tue 2026-03-03 12:00")

    warned = [line.strip() for line in item_text(item) if "used up" in line]

    assert warned == ["75% used up Mon 02 Mar 2026 15:00:00", "90% used up Mon 02 Mar 2026 16:12:00"]


def test_the_page_of_a_long_ticket_folds_its_time_and_leads_to_every_segment() -> None:
    item = report(OPENED, *pauses(date(2026, 3, 9), every_days=28, times=11), RESOLVED, as_of="Mon 2027-02-01 09:00")
    segments = len(item.verdicts[0].trace)

    short = item_page(item, council="Adur", service="ICT", illustrative=True)
    long = item_page(item, council="Adur", service="ICT", illustrative=True, long=True)

    assert short.count("<tr") < MAX_LINES < segments < long.count("<tr")
    assert f'href="?council=adur&amp;long=true">Show all {segments} segments</a>' in short
    assert "Show all" not in long


def test_an_opening_that_says_otherwise_is_named_on_the_page_and_in_the_text() -> None:
    item = report(OPENED, ("Mon 2026-03-02 09:05", "opened high"), as_of="Mon 2026-03-02 12:00")

    conflict = "opened again at 02 Mar 2026 09:05:00 with other priority: the earliest opening holds; ask the sender"
    assert item.conflicts == [conflict]
    assert f"Conflict: {conflict}" in item_text(item)
    assert conflict in item_page(item, council="Adur", service="ICT", illustrative=True)
