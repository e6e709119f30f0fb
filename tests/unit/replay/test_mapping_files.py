"""Mapping files: what they may say, and that every fault is reported with its place."""

import re
from pathlib import Path

import pytest

from tallystick.replay.mapping import InvalidMapping, UnknownMapping, read_mapping, shipped_mappings
from tests.support.replays import ACTIVITIES, TICKETS, changed, mapping_of


def faults_of(folder: Path, text: str, **lookups: str) -> list[str]:
    with pytest.raises(InvalidMapping) as caught:
        mapping_of(folder, text, **lookups)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("name", shipped_mappings())
def test_every_shipped_mapping_reads_by_its_name(name: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.csv"
    rules.write_text("type,better_rule,mode_business_days,mode_calendar_days\n", encoding="utf-8")

    mapping = read_mapping(name, lookups={"rules": rules} if name == "boston-311-rules" else {})

    assert mapping.name == name
    assert mapping.content.source == f"/replay/{name}"


@pytest.mark.parametrize("name", shipped_mappings())
def test_a_shipped_trial_without_a_ground_truth_says_that_it_is_illustrative(name: str) -> None:
    text = (Path(__file__).parents[3] / f"deploy/local/tallystick/mappings/{name}.yaml").read_text(encoding="utf-8")

    recorded = "recorded due date" in text or "lookup: rules" in text

    assert recorded or "(illustrative)" in text


def test_a_name_that_is_neither_shipped_nor_a_file_lists_what_there_is() -> None:
    with pytest.raises(UnknownMapping, match="none of boston-311, boston-311-rules"):
        read_mapping("bostn-311", lookups={})


def test_all_faults_of_shape_are_reported_at_once_with_their_lines(tmp_path: Path) -> None:
    text = changed(
        TICKETS,
        {
            "zone: Europe/London": "zone: Europe/Camelot",
            "council: {column: council}": "council: {colum: council}",
            "item: number": "item: number\nnumber: one",
            "source: /replay/desk": "source: desk",
        },
    )

    found = faults_of(tmp_path, text)

    assert [fault.split(":")[0] for fault in found] == [
        "line 2, column 1",
        "line 5, column 1",
        "line 7, column 1",
        "line 8, column 11",
    ]
    assert "Europe/Camelot" in found[1]
    assert found[3].endswith("#/council/colum: is not a known field: did you mean column?")


RULE = "  - {event: resolved, column: resolved}"


@pytest.mark.parametrize(
    ("replacements", "line", "message"),
    [
        (
            {RULE: "  - {event: solved, column: resolved}"},
            11,
            "kind: ticket has no event 'solved': did you mean resolved?",
        ),
        ({RULE: "  - {event: paused, column: resolved}"}, 11, "#/events/1/data/reason: is missing"),
        (
            {RULE: "  - {event: closed, column: resolved, data: {why: x}}"},
            11,
            "#/events/1/data/why: is not a known field: closed has no data",
        ),
        ({RULE: "  - {event: opened, column: resolved}"}, 9, "one rule must make the event 'opened'"),
        ({"opened, column: opened": "opened, column: opened, data: {service: x}"}, 10, "name columns instead"),
        ({"{constant: ict}": "{column: type, lookup: types, field: service}"}, 8, "no lookup called 'types'"),
        ({"{constant: ict}": "{column: type, field: service}"}, 8, "lookup and field go together"),
        ({"{constant: ict}": "{constant: ict, column: type}"}, 8, "name either a column or a constant"),
        ({"{constant: ict}": "{}"}, 8, "name either a column or a constant"),
        ({"{constant: ict}": "{constant: ict, default: x}"}, 8, "a constant has no lookup, field, values or default"),
        ({"{constant: ict}": "{constant: 'I.C.T. desk'}"}, 8, "expected 1 to 64 of A-Z"),
        ({"kind: ticket": "kind: ticket\nkind: work"}, 5, "#/kind/again: is a repeated key: it is on line 4 already"),
        ({"kind: ticket": "kind: [ticket"}, 5, "#: is not YAML"),
        ({"kind: ticket": "kind: &x [*x]"}, 4, "aliases are not read"),
        ({"kind: ticket": "kind: 5"}, 4, "#/kind: expected one of ticket, work"),
        ({"rows: item": "rows: items"}, 3, "#/rows: expected one of item, event, reading"),
        ({"kind: ticket": "kind: ticket\nencoding: klingon"}, 5, "'klingon' is no text encoding"),
        ({"kind: ticket": "kind: ticket\nlookups: {types: {key: a}}"}, 5, "give --lookup types=FILE"),
        ({"kind: ticket": "kind: ticket\ntime_format: '%d/%m/%Y %H:%M %p'"}, 5, "write %I for hours from 1 to 12"),
        ({"kind: ticket": "kind: ticket\ntime_format: '%d/%m/%Y %I:%M'"}, 5, "without am or pm: add %p"),
        ({"kind: ticket": "kind: ticket\ntime_format: '%d/%m %H:%M'"}, 5, "reads no year"),
        ({"kind: ticket": "kind: ticket\ntime_format: '%m/%Y'"}, 5, "it needs the day, month and year"),
        ({"kind: ticket": "kind: ticket\ntime_format: '%d/%m/%Y %Q'"}, 5, "is no format that can be read"),
        ({"kind: ticket": "kind: ticket\ntime_format: ['%d/%m/%Y', '%m/%d/%Y']"}, 5, "as different dates: keep one of"),
        ({"kind: ticket": "kind: ticket\ntime_format: epoch-secnds"}, 5, "did you mean epoch-seconds?"),
        (
            {"kind: ticket": "kind: ticket\ntime_format: '%Z %d/%m/%Y'"},
            5,
            "has a zone's name (%Z) that is not its last word",
        ),
        (
            {"kind: ticket": "kind: ticket\ntimes: {opend: {zone: UTC}}"},
            5,
            "a time called 'opend': did you mean opened?",
        ),
        ({"kind: ticket": "kind: ticket\ntimes: {opened: {zone: UCT+1}}"}, 5, "'UCT+1' is no time zone"),
        (
            {"kind: ticket": "kind: ticket\ntimes: {opened: {zone: UTC, zone_column: z}}"},
            5,
            "either a zone or a zone_column",
        ),
        ({"kind: ticket": "kind: ticket\ntimes: {opened: {plus_unit: days}}"}, 5, "there is no `plus`"),
        ({"kind: ticket": "kind: ticket\nwhere: [{column: a}]"}, 5, "write either `in` or `not_in`"),
        ({"kind: ticket": "kind: ticket\ndelimiter: ';;'"}, 5, "is no single character"),
        ({"kind: ticket": "kind: ticket\nheader_line: first"}, 5, "#/header_line: expected a line, counted from 1"),
        ({"item: number": "repeated: last"}, 6, "there is nothing to choose from"),
    ],
)
def test_a_fault_is_reported_with_its_line(
    replacements: dict[str, str], line: int, message: str, tmp_path: Path
) -> None:
    found = faults_of(tmp_path, changed(TICKETS, replacements))

    assert [fault for fault in found if fault.startswith(f"line {line}, ") and message in fault], found


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "rows\n", "- rows\n"])
def test_a_text_without_rows_is_a_fault(text: str, tmp_path: Path) -> None:
    (fault,) = faults_of(tmp_path, text)

    assert re.fullmatch(r"line \d, column 1: #/rows: expected one of item, event, reading", fault)


def test_an_activity_cannot_be_both_mapped_and_ignored(tmp_path: Path) -> None:
    found = faults_of(tmp_path, changed(ACTIVITIES, {"[Note]": "[Note, Wait]"}))

    assert found == ["line 17, column 16: #/ignore/1: 'Wait' is ignored here and named by an event above"]


def test_an_item_cannot_begin_more_than_once(tmp_path: Path) -> None:
    found = faults_of(tmp_path, changed(ACTIVITIES, {", pick: first": ""}))

    assert found == ["line 12, column 5: #/events/0: 'opened' happens once: add `pick: first` or `pick: last`"]


LOOKUP = changed(
    TICKETS,
    {
        "{constant: ict}": "{column: type, lookup: types, field: service}",
        "kind: ticket": "kind: ticket\nlookups: {types: {key: type}}",
    },
)


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ("kind,service\nPC,ict\n", "there is no column 'type'"),
        ("type,servce\nPC,ict\n", "lookup 'types' has no column 'service'"),
        ("type,service\nPC,ict\nPC,hr\n", "line 3: 'PC' was answered before"),
        ("type,service\nPC\n", "line 2: the row has 1 cells where the header has 2"),
    ],
)
def test_a_lookup_that_cannot_answer_is_a_fault_of_the_mapping(csv: str, message: str, tmp_path: Path) -> None:
    found = faults_of(tmp_path, LOOKUP, types=csv)

    assert any(message in fault for fault in found), found


def test_a_lookup_given_for_no_name_in_the_mapping_is_a_fault(tmp_path: Path) -> None:
    assert faults_of(tmp_path, TICKETS, types="a\n") == [
        "line 2, column 1: #: the mapping has no lookup called 'types'"
    ]


def test_a_lookup_file_is_found_beside_the_mapping(tmp_path: Path) -> None:
    (tmp_path / "known.csv").write_text("type,service\nPC,ict\n", encoding="utf-8")

    mapping = mapping_of(tmp_path, changed(LOOKUP, {"{key: type}": "{key: type, file: known.csv}"}))

    assert mapping.lookups["types"].rows["PC"]["service"] == "ict"


def test_a_trial_target_with_an_unreadable_duration_is_a_fault_with_an_example(tmp_path: Path) -> None:
    trial = """
trial:
  title: Trial
  provider: {id: desk, name: Desk}
  targets:
    - {id: fix, service: ict, measure: resolution-time, within: 2 sleeps}
"""

    found = faults_of(tmp_path, TICKETS + trial)

    assert len(found) == 1
    assert found[0].startswith("line 17, column ")
    assert "expected a duration like '8 working hours'" in found[0]


def test_faults_of_shape_and_of_content_are_reported_at_once(tmp_path: Path) -> None:
    text = changed(
        TICKETS,
        {
            "source: /replay/desk": "source: desk",
            "item: number": "item: number\nnumber: one\nquote: maybe",
            "event: resolved": "event: resolvd",
            "service: {constant: ict}": "service: {constant: ict, column: x}",
        },
    )

    found = "\n".join(faults_of(tmp_path, text))

    for each in ("#/source", "#/number", "#/quote", "#/events/1/event", "#/service"):
        assert each in found
