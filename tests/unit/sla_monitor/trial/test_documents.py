"""What a document must be: every fault is reported at once, each with its place."""

from typing import Any

import msgspec
import pytest

from shared.documents import InvalidDocument
from shared.json_values import NotStrictJson
from sla_monitor.trial.target import try_target
from tests.support.trials import EVERY_DAY, events, hours, plain

RESOLVE = {"measure": "resolution-time", "within": "8 working hours"}
UP = {"measure": "availability", "within": "4 working hours", "objective": {"percent": "99"}}
OPENED = {"at": "2026-03-02 09:00", "event": "opened"}
NINE = "2026-03-02 09:00"
WHOLE: dict[str, Any] = {"calendar": hours(), "targets": [RESOLVE], "events": [OPENED], "as_of": "2026-03-03 09:00"}


def faults(document: object) -> list[str]:
    """What is wrong with a document, as `#/place: message`."""
    try:
        try_target(msgspec.json.encode(document), written_in="json")
    except InvalidDocument as refused:
        return [str(each) for each in refused.faults]
    return []


def test_a_whole_document_has_no_fault() -> None:
    assert faults(WHOLE) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"calender": {}}, "#/calender: is not a known field: did you mean calendar?"),
        ({"calendars": [hours()]}, "#/calendar: is given beside calendars: write one of them"),
        ({"calendar": hours(zone="London")}, "#/calendar/zone: expected a time zone like Europe/London"),
        (
            {"calendar": hours(effective_from="1999-12-31")},
            "#/calendar/effective_from: expected a date of the years 2000 to 2049",
        ),
        ({"zone": "London"}, "#/zone: expected a time zone like Europe/London"),
        ({"targets": [RESOLVE, RESOLVE]}, "#/targets/1/id: is the id of an earlier target: give each its own"),
        ({"targets": [RESOLVE | {"calendar": "offise"}]}, "#/targets/0/calendar: is no calendar of this document"),
        (
            {"targets": [RESOLVE | {"within": "10 working days", "cut_off": "4pm"}]},
            "#/targets/0/cut_off: expected a time of day like 16:00, or 24:00 for the whole day",
        ),
        (
            {"targets": [RESOLVE | {"reopen_window_days": 5}]},
            "#/targets/0/reopen_window_days: has an effect only with reopen: new-cycle",
        ),
        ({"targets": []}, "#/targets: is missing: there is nothing to judge the events by"),
        ({"targets": [UP], "events": [], "outages": []}, "#/period: is missing: availability is a share of a period"),
        ({"period": "2026-03"}, "#/period: has an effect only on a target of availability"),
        ({"outages": [{"start": NINE}]}, "#/outages: has an effect only on a target of availability"),
        (
            {"target_changes": [{"at": NINE, "targets": [UP]}]},
            "#/target_changes/0/targets/0/measure: availability is not of an item: put it in targets",
        ),
        ({"events": []}, "#/events: is missing: the targets are judged on what happened to an item"),
        ({"events": events((NINE, "asked"))}, "#/events: has no opened: an item begins with it"),
        ({"events": [OPENED | {"awaiting": "council"}]}, "#/events/0/awaiting: has no meaning for opened"),
        (
            {"events": [OPENED, {"at": NINE, "event": "reprioritised"}]},
            "#/events/1/priority: is missing: it is what changes",
        ),
        (
            {"events": [OPENED, {"at": NINE, "event": "reclassified"}]},
            "#/events/1: changes nothing: give service, priority or attributes",
        ),
        (
            {"events": [OPENED | {"attributes": {"floor": None}}]},
            "#/events/0/attributes/floor: expected text: nothing to take away yet",
        ),
        (
            {"events": [OPENED | {"at": "Tue 2026-03-02 09:00"}]},
            "#/events/0/at: the weekday is wrong: that date is a Monday",
        ),
        ({"events": [OPENED | {"at": "2026-02-30 09:00"}]}, "#/events/0/at: is no time that a clock shows"),
        ({"events": [OPENED | {"at": "1999-03-02 09:00"}]}, "#/events/0/at: expected a year from 2001 to 2049"),
        (
            {"targets": [RESOLVE | {"service": "ict"}, RESOLVE | {"id": "b", "service": "payroll"}]},
            "#/events/0/service: is missing: the targets are of several services",
        ),
        ({"as_of": None}, "#/as_of: is missing: say the instant at which to judge"),
        ({"as_of": "2040-03-02 09:00"}, "#/as_of: expected an instant within 3660 days of the opening"),
        ({"exclusions": [{"start": NINE, "end": "2026-03-01 09:00"}]}, "#/exclusions/0/end: is before its start"),
        (
            {"exclusions": [{"start": NINE, "end": NINE, "target": "b"}]},
            "#/exclusions/0/target: is no target of this document",
        ),
        (
            {"questions": [{"is_open": NINE, "between": [NINE, NINE]}]},
            "#/questions/0: expected exactly one of between, add and is_open",
        ),
        ({"questions": [{"between": [NINE, NINE, NINE]}]}, "#/questions/0/between: expected at most 2"),
        (
            {"questions": [{"add": {"to": NINE}}]},
            "#/questions/0/add: expected exactly one of seconds, working_hours and working_days",
        ),
        (
            {"questions": [{"add": {"to": NINE, "seconds": 1, "cut_off": "16:00"}}]},
            "#/questions/0/add/cut_off: has an effect only on working_days that end at closing time",
        ),
        (
            {"questions": [{"add": {"to": NINE, "seconds": 1, "day_rule": "same-time"}}]},
            "#/questions/0/add/day_rule: has an effect only on working_days",
        ),
        (
            {"questions": [{"is_open": NINE, "calendar": "b"}]},
            "#/questions/0/calendar: is no calendar of this document",
        ),
    ],
)
def test_a_fault_is_reported_with_its_place(change: dict[str, Any], fault: str) -> None:
    assert faults(WHOLE | change) == [fault]


@pytest.mark.parametrize(
    ("calendars", "fault"),
    [
        ([hours(), hours()], "#/calendars/1: has the id and effective_from of an earlier one: give it one of its own"),
        (
            [hours(), hours(zone="America/New_York", effective_from="2026-04-01")],
            "#/calendars/1/zone: is not that of its other versions: give it another id",
        ),
    ],
)
def test_versions_of_a_calendar_fit_together(calendars: list[dict[str, Any]], fault: str) -> None:
    assert faults({"zone": "Europe/London", "calendars": calendars, "questions": [{"is_open": NINE}]}) == [fault]


def test_calendars_in_several_zones_leave_wall_times_unreadable() -> None:
    calendars = [hours(id="here"), hours(id="there", zone="America/New_York")]
    question = {"calendar": "here", "is_open": NINE}

    assert faults({"calendars": calendars, "questions": [question]}) == [
        "#/zone: is missing: the calendars are in several zones"
    ]
    assert faults({"zone": "Europe/London", "calendars": calendars, "questions": [question]}) == []


def test_a_target_needs_a_calendar_where_there_is_not_exactly_one() -> None:
    calendars = [hours(id="office"), hours("00:00-24:00", days=EVERY_DAY, id="always")]

    assert faults(WHOLE | {"calendar": None, "calendars": calendars}) == [
        "#/targets/0/calendar: is missing: working time is counted in a calendar's hours"
    ]


@pytest.mark.parametrize("document", [{}, {"title": "Nothing"}, {"calendar": hours()}])
def test_a_document_that_asks_nothing_is_refused(document: dict[str, Any]) -> None:
    assert faults(document) == ["#: asks nothing: give targets and events, or questions"]


@pytest.mark.parametrize("document", [None, [], "calendar", 1])
def test_what_is_no_document_at_all_is_said_to_be_none(document: object) -> None:
    assert faults(document) == ["#: expected an object with named fields"]


def test_many_targets_allow_a_shorter_span() -> None:
    many = [RESOLVE | {"id": f"t{number}"} for number in range(50)]

    assert faults(WHOLE | {"targets": many, "as_of": "2028-11-01 09:00"}) == []
    assert faults(WHOLE | {"targets": many, "as_of": "2028-12-01 09:00"}) == [
        "#/as_of: expected an instant within 1000 days of the opening, with so many targets and hours"
    ]


def test_faults_of_every_part_are_told_at_once() -> None:
    document = {
        "calendar": {"weekly": {"mon": ["9-5"]}},
        "targets": [{"measure": "resolution-time", "within": "soon"}, RESOLVE | {"cut_off": "16:00"}],
        "events": [
            {"at": "Tue 2026-03-02 09:00", "event": "opened"},
            {"at": NINE, "event": "resolved", "awaiting": "council"},
        ],
        "outages": [{"start": "2026-02-30 09:00"}],
        "questions": [{}],
        "as_of": "2026-13-01 09:00",
        "stray": True,
    }

    assert sorted(fault.split(": ")[0] for fault in faults(document)) == [
        "#/as_of",
        "#/calendar/weekly/mon/0",
        "#/events/0/at",
        "#/events/1/awaiting",
        "#/outages/0/start",
        "#/questions/0",
        "#/stray",
        "#/targets/0/within",
        "#/targets/1/cut_off",
    ]


def test_yaml_faults_begin_with_their_line_and_are_in_the_order_of_the_text() -> None:
    text = "questions:\n  - is_open: Tue 2026-03-02 09:00\ncalendar:\n  weekly: {}\n  zone: Mars\n"

    with pytest.raises(InvalidDocument) as refused:
        try_target(text.encode(), written_in="yaml")

    assert str(refused.value).splitlines() == [
        "line 2, column 5: #/questions/0/is_open: the weekday is wrong: that date is a Monday",
        "line 5, column 3: #/calendar/zone: expected a time zone like Europe/London",
    ]


@pytest.mark.parametrize("text", [b"a: [", b"\xff\xfe", b"a: 1\na: 2", b"a: &x 1\nb: *x"])
def test_what_is_not_plain_yaml_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidDocument):
        try_target(text, written_in="yaml")


@pytest.mark.parametrize("text", [b"", b"{", b'{"zone": NaN}', b'{"zone": "a", "zone": "b"}'])
def test_what_is_not_strict_json_is_refused(text: bytes) -> None:
    with pytest.raises(NotStrictJson):
        try_target(text, written_in="json")


def test_yaml_and_json_of_one_document_have_one_answer() -> None:
    text = msgspec.json.encode(WHOLE)

    assert plain(try_target(text, written_in="yaml")) == plain(try_target(text, written_in="json"))
