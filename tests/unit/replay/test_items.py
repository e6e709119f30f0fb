"""One row per item: its columns are the times of its events."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.contracts.envelope import ItemEvent
from shared.contracts.items import CompletedData, PausedData, TicketOpened, TicketPaused, WorkCompleted
from tallystick.replay.rows import BEFORE_OPENING, DUE_BEFORE_OPENING, SUPERSEDED
from tests.support.replays import TICKETS, changed, mapping_of, replay, replay_file

HEADER = "number,council,opened,resolved\n"


def test_each_time_of_a_row_is_an_event_and_a_blank_one_is_none(tmp_path: Path) -> None:
    replayed = replay(
        tmp_path, TICKETS, HEADER + "1,adur,2026-03-27T16:59:00,2026-03-30T09:01:00\n2,adur,2026-03-28T10:00:00,\n"
    )

    assert replayed.names == ["opened", "opened", "resolved"]
    assert [timed.key for timed in replayed.timed] == ["adur:1", "adur:2", "adur:1"]
    assert {timed.topic for timed in replayed.timed} == {"provider.tickets.v1"}
    assert replayed.counts.events == {"tallystick.ticket.opened.v1": 2, "tallystick.ticket.resolved.v1": 1}


def test_events_come_in_order_of_time_and_those_of_an_instant_in_order_of_rows(tmp_path: Path) -> None:
    rows = "9,adur,2026-03-27T12:00:00,\n1,adur,2026-03-27T12:00:00,\n5,adur,2026-03-27T11:59:59,\n"

    replayed = replay(tmp_path, TICKETS, HEADER + rows)

    assert [timed.key for timed in replayed.timed] == ["adur:5", "adur:9", "adur:1"]


def test_an_end_before_its_beginning_is_kept_and_noted(tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, HEADER + "1,adur,2026-03-27T16:59:00,2026-03-27T16:58:00\n")

    assert replayed.names == ["resolved", "opened"]
    assert replayed.counts.notes == {BEFORE_OPENING: 1}
    assert replayed.rejected == []


def test_an_item_that_never_began_is_refused(tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, HEADER + "1,adur,,2026-03-27T16:58:00\n")

    assert replayed.timed == []
    assert replayed.rejected[0].reason.startswith("opened: the cell is blank")


def test_a_row_with_one_bad_time_makes_no_event_at_all(tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, HEADER + "1,adur,2026-03-27T16:59:00,soon\n")

    assert replayed.timed == []
    assert replayed.counts.events.total() == 0
    assert replayed.counts.refused == 1


def test_the_second_row_of_an_item_is_refused_with_the_line_of_the_first(tmp_path: Path) -> None:
    row = "1,adur,2026-03-27T16:59:00,\n"

    replayed = replay(tmp_path, TICKETS, HEADER + row + row + row.replace("adur", "worthing"))

    assert [rejected.reason for rejected in replayed.rejected] == [
        "item '1' of 'adur' is on line 2 already: `repeated` says which holds"
    ]
    assert [timed.key for timed in replayed.timed] == ["adur:1", "worthing:1"]


RICH = changed(
    TICKETS,
    {
        "service: {constant: ict}": """
service: {column: type, lookup: types, field: service, default: other}
priority: {column: urgency, values: {1 - Critical: p1}, default: p3}
attributes: {place: {column: place}, channel: {constant: web}}
due: due
lookups: {types: {key: type}}
""",
    },
)
TYPES = "type,service\nLaptop,ICT desk\nScreen,ICT desk\nRoof,Estates\n"
RICH_HEADER = "number,council,opened,resolved,type,urgency,place,due\n"


def opened(folder: Path, cells: str) -> TicketOpened:
    event = replay(folder, RICH, RICH_HEADER + f"1,adur,2026-03-27T16:59:00,,{cells}\n", types=TYPES).only()
    assert isinstance(event, TicketOpened)
    return event


def test_the_beginning_carries_what_the_row_says_of_its_item(tmp_path: Path) -> None:
    data = opened(tmp_path, "Screen,1 - Critical,Town Hall,2026-04-03T17:00:00").data

    assert (data.service, data.priority) == ("ict-desk", "p1")
    assert data.attributes == {"place": "Town Hall", "channel": "web"}
    assert data.due_at == datetime(2026, 4, 3, 16, tzinfo=UTC)


def test_blank_cells_take_the_default_or_are_left_out(tmp_path: Path) -> None:
    data = opened(tmp_path, ",,,").data

    assert (data.service, data.priority, data.due_at) == ("other", "p3", None)
    assert data.attributes == {"channel": "web"}


def test_what_a_lookup_does_not_know_takes_the_default(tmp_path: Path) -> None:
    assert opened(tmp_path, "Fax,2 - High,,").data.service == "other"
    assert opened(tmp_path, "Fax,2 - High,,").data.priority == "2-high"


def test_what_a_lookup_does_not_know_is_refused_without_a_default(tmp_path: Path) -> None:
    strict = changed(RICH, {", default: other": ""})

    replayed = replay(tmp_path, strict, RICH_HEADER + "1,adur,2026-03-27T16:59:00,,Fax,,,\n", types=TYPES)

    assert [rejected.reason for rejected in replayed.rejected] == ["lookup 'types' has no row for 'Fax'"]


def test_events_carry_the_data_that_their_rule_fixes(tmp_path: Path) -> None:
    rule = "{event: paused, column: resolved, data: {reason: parts, awaiting: third-party}}"

    replayed = replay(
        tmp_path,
        changed(TICKETS, {"{event: resolved, column: resolved}": rule}),
        HEADER + "1,adur,2026-03-27T16:59:00,2026-03-30T09:01:00\n",
    )

    paused = replayed.events[1]
    assert isinstance(paused, TicketPaused)
    assert paused.data == PausedData(reason="parts", awaiting="third-party")


def test_work_goes_to_the_topic_of_work(tmp_path: Path) -> None:
    work = changed(
        TICKETS,
        {
            "kind: ticket": "kind: work",
            "event: opened": "event: received",
            "{event: resolved, column: resolved}": "{event: completed, column: resolved, data: {units: '2'}}",
        },
    )

    replayed = replay(tmp_path, work, HEADER + "1,adur,2026-03-27T16:59:00,2026-03-30T09:01:00\n")

    completed = replayed.events[1]
    assert isinstance(completed, WorkCompleted)
    assert completed.data == CompletedData(units="2")
    assert {timed.topic for timed in replayed.timed} == {"provider.work.v1"}


def test_replaying_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    csv = HEADER + "1,adur,2026-03-27T16:59:00,2026-03-30T09:01:00\n"

    assert replay(tmp_path, TICKETS, csv).timed == replay(tmp_path, TICKETS, csv).timed


def test_without_a_column_of_ids_a_rows_content_and_its_count_are_the_id(tmp_path: Path) -> None:
    mapping = mapping_of(tmp_path, changed(TICKETS, {"item: number\n": ""}))
    row = "1,adur,2026-03-27T16:59:00,\n"
    for name in ("April.csv", "May.csv"):
        (tmp_path / name).write_text(HEADER + row + row, encoding="utf-8")

    april, may = (replay_file(mapping, tmp_path / name) for name in ("April.csv", "May.csv"))

    assert [timed.key[-2:] for timed in april.timed] == ["-1", "-2"]
    assert len({event.id for event in april.events}) == 2
    assert april.timed == may.timed


def test_r23_the_events_of_a_row_are_numbered_in_the_order_of_the_mapping(tmp_path: Path) -> None:
    row = "7,adur,2026-03-27T09:00:00,2026-03-27T09:00:00\n"

    replayed = replay(tmp_path, TICKETS, "number,council,opened,resolved\n" + row)

    assert [event.sequence for event in replayed.events if isinstance(event, ItemEvent)] == ["1001", "1002"]


REPEATED = (
    HEADER
    + "1,adur,2026-03-27T16:59:00,\n1,adur,2026-03-27T16:59:00,2026-03-30T09:01:00\n2,adur,2026-03-27T16:59:00,\n"
)


@pytest.mark.parametrize(
    ("holds", "names"), [("first", ["opened", "opened"]), ("last", ["opened", "opened", "resolved"])]
)
def test_the_mapping_says_which_of_several_rows_of_an_item_holds(holds: str, names: list[str], tmp_path: Path) -> None:
    replayed = replay(tmp_path, changed(TICKETS, {"rows: item": f"rows: item\nrepeated: {holds}"}), REPEATED)

    assert replayed.names == names
    assert replayed.rejected == []
    assert replayed.counts.unused == {SUPERSEDED: 1}


def test_a_recorded_deadline_before_the_opening_is_noted(tmp_path: Path) -> None:
    csv = "number,council,opened,resolved,due\n1,adur,2026-03-27T16:59:00,,2026-03-27T16:00:00\n"

    replayed = replay(tmp_path, changed(TICKETS, {"events:": "due: due\nevents:"}), csv)

    assert replayed.counts.notes == {DUE_BEFORE_OPENING: 1}
