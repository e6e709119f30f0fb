"""Warnings that come a time before an item is due, beside those at a percentage of the time allowed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.target_rules import target_faults
from shared.contracts.verdicts import WarningReached
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.item import LastPublished
from tests.support.definitions import target
from tests.support.histories import agreement_index, at, evaluated, judged, local_text
from tests.support.laws import law
from tests.support.trials import events, hours, tried
from tests.support.trials import local_text as local_time


def _instants(*lines: tuple[str, str], as_of: str, **fields: Any) -> list[tuple[Any, str | None, bool]]:
    answer = tried(
        calendar=hours(), targets=[{"measure": "resolution-time"} | fields], events=events(*lines), as_of=as_of
    )
    (verdict,) = answer["verdicts"]
    found = verdict["warning_instants"]
    return [(each["before"] or each["percent"], local_time(each["at"]), each["reached"]) for each in found]


@pytest.mark.parametrize(
    ("within", "before", "warned"),
    [
        ("16 working hours", "2 working hours before", "Wed 2026-06-03 10:00"),
        ("16 working hours", "4 working hours before", "Tue 2026-06-02 16:00"),
        ("16 working hours", "3 working hours before", "Wed 2026-06-03 09:00"),  # an instant in service hours
        ("16 working hours", "1 working day before", "Tue 2026-06-02 12:00"),
        ("16 working hours", "90 minutes before", "Wed 2026-06-03 10:30"),
        ("16 working hours", "1 day before", "Tue 2026-06-02 12:00"),
        ("5 working days", "2 working hours before", "Mon 2026-06-08 15:00"),
        ("5 working days", "1 working day before", "Fri 2026-06-05 17:00"),
        ("5 working days", "1 day before", "Sun 2026-06-07 17:00"),
        ("5 days", "1 working day before", "Fri 2026-06-05 09:00"),  # due on Saturday: as if on Monday at opening
        ("5 days", "3 hours before", "Sat 2026-06-06 09:00"),
    ],
)
def test_a_warning_comes_so_long_before_due(within: str, before: str, warned: str) -> None:
    found = _instants(("Mon 2026-06-01 12:00", "opened"), as_of="Mon 2026-06-01 13:00", within=within, warn_at=[before])

    assert found == [(before, warned, False)]


def test_warnings_are_listed_by_their_instant() -> None:
    found = _instants(
        ("Mon 2026-06-01 09:00", "opened"),
        as_of="Tue 2026-06-02 12:00",
        within="16 working hours",
        warn_at=[50, 90, "6 working hours before", "1 working hour before"],
    )

    assert found == [
        (50, "Tue 2026-06-02 09:00", True),
        ("6 working hours before", "Tue 2026-06-02 11:00", True),
        (90, "Tue 2026-06-02 15:24", False),
        ("1 working hour before", "Tue 2026-06-02 16:00", False),
    ]


@pytest.mark.parametrize(("resolved", "reached"), [("Tue 2026-06-02 15:00", False), ("Tue 2026-06-02 15:00:01", True)])
def test_an_item_that_was_done_by_then_is_not_warned_of(resolved: str, reached: bool) -> None:
    ((_, warned, was_reached),) = _instants(
        ("Mon 2026-06-01 09:00", "opened"),
        (resolved, "resolved"),
        as_of="Wed 2026-06-03 09:00",
        within="16 working hours",
        warn_at=["2 working hours before"],
    )

    assert (warned, was_reached) == ("Tue 2026-06-02 15:00", reached)


def test_a_pause_moves_the_warning_with_the_due_instant_and_none_comes_while_it_lasts() -> None:
    lines = [("Mon 2026-06-01 09:00", "opened"), ("Tue 2026-06-02 14:00", "paused")]
    setting: dict[str, Any] = {"within": "16 working hours", "warn_at": ["2 working hours before"]}

    paused = _instants(*lines, as_of="Wed 2026-06-03 16:00", **setting)
    resumed = _instants(*lines, ("Thu 2026-06-04 09:00", "resumed"), as_of="Thu 2026-06-04 11:00", **setting)

    assert paused == [("2 working hours before", None, False)]
    assert resumed == [("2 working hours before", "Thu 2026-06-04 10:00", True)]


def test_a_warning_that_would_come_in_a_pause_comes_when_it_ends() -> None:
    ((_, warned, reached),) = _instants(
        ("Mon 2026-06-01 09:00", "opened"),
        ("Tue 2026-06-02 16:00", "paused"),
        ("Wed 2026-06-03 09:00", "resumed"),
        as_of="Wed 2026-06-03 09:30",
        within="16 working hours",
        warn_at=["12 hours before"],
    )

    assert (warned, reached) == ("Wed 2026-06-03 09:00", True)


def test_each_exchange_is_warned_of_once_under_a_label_of_its_own() -> None:
    lines = [
        ("Mon 2026-06-01 09:00", "opened"),
        ("Mon 2026-06-01 09:00", "asked"),
        ("Mon 2026-06-01 13:00", "responded"),
        ("Tue 2026-06-02 09:00", "asked"),
    ]
    setting: dict[str, Any] = {"measure": "update-interval", "within": "4 working hours", "calendar": "office"}
    index = agreement_index(setting | {"warn_at": ["1 working hour before"]})
    published: dict[str, LastPublished] = {}
    sent = []

    for as_of in ("Mon 2026-06-01 12:30", "Mon 2026-06-01 16:00", "Tue 2026-06-02 12:00", "Tue 2026-06-02 12:30"):
        evaluation = evaluated(lines, index, as_of=as_of)
        found, published = announce(published, evaluation, Trigger("adur", "T1", "clock", at(as_of)))
        sent += [each for each in found if isinstance(each, WarningReached)]

    assert [(each.data.percent, each.data.before) for each in sent] == [(None, "1 working hour before")] * 2
    assert [local_text(int(each.time.timestamp())) for each in sent] == ["Mon 2026-06-01 12:00", "Tue 2026-06-02 12:00"]
    assert len({each.id for each in sent}) == 2


@pytest.mark.parametrize(
    ("changes", "faulty"),
    [
        ({"warn_at": (75, "2 working hours before")}, []),
        ({"warn_at": ("1 working day before", 75)}, []),
        ({"warn_at": ("5 working days before",)}, ["#/warn_at/0"]),  # all of the allowance
        ({"warn_at": ("1 hour before", "60 minutes before")}, ["#/warn_at/1"]),
        ({"warn_at": ("1 working hour before",), "within": "5 days", "calendar": None}, ["#/warn_at/0"]),
        ({"warn_at": ("999999999 hours before",)}, ["#/warn_at/0"]),
        ({"warn_at": tuple(f"{number} hours before" for number in range(1, 22))}, ["#/warn_at"]),
    ],
)
def test_a_warning_that_could_not_be_meant_is_refused(changes: dict[str, Any], faulty: list[str]) -> None:
    assert [fault.pointer for fault in target_faults(target(**changes))] == faulty


@law
@given(
    st.sampled_from(["1 hour before", "3 working hours before", "1 working day before", "1 day before"]),
    st.sampled_from(["12 working hours", "30 hours", "3 working days", "3 days"]),
    st.integers(at("Mon 2026-03-23 00:00") // 900, at("Sat 2026-03-28 00:00") // 900),
    st.integers(0, 4 * 96),
)
def test_a_warning_is_reached_at_its_wake_and_not_a_second_before(
    before: str, within: str, opened: int, later: int
) -> None:
    lines = [(local_text(opened * 900) or "", "opened")]
    setting: dict[str, Any] = {"within": within, "calendar": "office", "warn_at": [before]}

    now = judged(lines, as_of=local_text((opened + later) * 900) or "", **setting)

    if now.warnings or now.wake is None or now.missed_at is not None:
        return
    then = judged(lines, as_of=local_text(now.wake) or "", **setting)
    just_before = judged(lines, as_of=local_text(now.wake - 1) or "", **setting)
    assert (len(then.warnings), len(just_before.warnings)) == (1, 0)
    assert then.warnings[0].at == now.wake
