"""One row per event: an item's rows, in order of time, and what each amounts to."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UnsetType

from shared.contracts.envelope import ItemEvent
from shared.contracts.items import ReclassifiedData, TicketOpened, TicketReclassified
from tallystick.replay.rows import CHANGES_UNREAD, NEWEST_FIRST, UNLISTED_OPENING
from tests.support.laws import law
from tests.support.replays import ACTIVITIES, Replayed, changed, replay

HEADER = "ticket,did,at\n"


def event_names(folder: Path, *activities: str, mapping: str = ACTIVITIES) -> list[str]:
    """The events of one ticket to which these happened, a minute apart."""
    rows = "".join(f"1,{did},2026-03-27T09:{minute:02}:00\n" for minute, did in enumerate(activities))
    replayed = replay(folder, mapping, HEADER + rows)
    assert replayed.counts.unaccounted == 0
    return replayed.names


@pytest.mark.parametrize(
    ("activities", "events"),
    [
        (["Note"], ["opened"]),  # a first row opens, whatever it is
        (["Note", "Work", "Fix"], ["opened", "resolved"]),
        (["Wait", "Work"], ["opened", "paused", "resumed"]),
        (["Work", "Wait", "Wait", "Work"], ["opened", "paused", "resumed"]),
        (["Work", "Wait", "Fix"], ["opened", "paused", "resolved"]),
        (["Work", "Fix", "Fix"], ["opened", "resolved"]),
        (["Work", "Fix", "Note"], ["opened", "resolved"]),
        (["Work", "Fix", "Work", "Fix"], ["opened", "resolved", "reopened", "resolved"]),
        (["Work", "Fix", "Wait"], ["opened", "resolved", "reopened", "paused"]),
        (["Fix"], ["opened", "resolved"]),
    ],
)
def test_a_row_amounts_to_what_the_state_of_its_item_makes_of_it(
    activities: list[str], events: list[str], tmp_path: Path
) -> None:
    assert event_names(tmp_path, *activities) == events


@pytest.mark.parametrize(("pick", "minute"), [("first", 1), ("last", 3)])
def test_of_a_repeated_activity_the_first_or_the_last_may_be_picked(pick: str, minute: int, tmp_path: Path) -> None:
    mapping = changed(
        ACTIVITIES,
        {"activity: [Fix], during: [open, paused]": f"activity: [Fix], pick: {pick}", "[Note]": "[Note, Stop]"},
    )
    rows = "".join(f"1,{did},2026-03-27T09:0{at}:00\n" for at, did in enumerate(["Note", "Fix", "Note", "Fix"]))

    replayed = replay(tmp_path, mapping, HEADER + rows)

    assert [f"{event.time:%M}" for event in replayed.events] == ["00", f"0{minute}"]
    assert replayed.counts.unused == {"ignored: Note": 1, "changed nothing: Fix": 1}


def test_an_activity_that_is_neither_mapped_nor_ignored_is_refused(tmp_path: Path) -> None:
    replayed = replay(tmp_path, ACTIVITIES, HEADER + "1,Note,2026-03-27T09:00:00\n1,Nap,2026-03-27T09:01:00\n")

    assert [str(rejected.line) + " " + rejected.reason for rejected in replayed.rejected] == [
        "3 did: 'Nap' is neither mapped nor ignored"
    ]
    assert replayed.names == ["opened"]


def test_an_item_without_a_beginning_is_refused_row_by_row(tmp_path: Path) -> None:
    mapping = changed(ACTIVITIES, {"{event: opened, pick: first}": "{event: opened, activity: [Start], pick: first}"})

    careless = changed(mapping, {", during: [open, paused]": ""})
    rows = "1,Note,2026-03-27T09:00:00\n1,Fix,2026-03-27T09:01:00\n"

    replayed = replay(tmp_path, careless, HEADER + rows)

    assert replayed.counts.unused == {"ignored: Note": 1}
    assert [(rejected.line, rejected.reason) for rejected in replayed.rejected] == [
        (3, "item '1' has no row that begins it")
    ]


BY_COUNCIL = changed(ACTIVITIES, {"council: {constant: adur}": "council: {column: council}"})


def test_what_two_councils_call_alike_is_two_items(tmp_path: Path) -> None:
    rows = "1,Work,2026-03-27T09:00:00,Adur\n1,Fix,2026-03-27T10:00:00,Adur\n1,Work,2026-03-27T09:30:00,Worthing\n"

    replayed = replay(tmp_path, BY_COUNCIL, "ticket,did,at,council\n" + rows)

    assert [timed.key for timed in replayed.timed] == ["adur:1", "worthing:1", "adur:1"]
    assert replayed.names == ["opened", "opened", "resolved"]


def test_ids_that_become_one_are_refused_within_a_council_only(tmp_path: Path) -> None:
    rows = (
        "a 1,Work,2026-03-27T09:00:00,Adur\na-1,Work,2026-03-27T09:00:00,Worthing\na-1,Work,2026-03-27T09:00:00,Adur\n"
    )

    replayed = replay(tmp_path, BY_COUNCIL, "ticket,did,at,council\n" + rows)

    assert [timed.key for timed in replayed.timed] == ["adur:a-1", "worthing:a-1"]
    assert [rejected.line for rejected in replayed.rejected] == [4]


@pytest.mark.parametrize("first", ["Note", "Nap"])
def test_an_item_that_begins_with_any_row_begins_with_its_first_also_where_nobody_lists_it(
    first: str, tmp_path: Path
) -> None:
    rows = f"1,{first},2026-03-27T09:00:00\n1,Nap,2026-03-27T09:30:00\n1,Fix,2026-03-27T10:00:00\n"

    replayed = replay(tmp_path, ACTIVITIES, HEADER + rows)

    assert [f"{event.time:%H:%M}" for event in replayed.events] == ["09:00", "10:00"]
    assert [str(rejected) for rejected in replayed.rejected] == [
        "RejectedRow(line=3, reason=\"did: 'Nap' is neither mapped nor ignored\")"
    ]
    assert replayed.counts.refused_lines == {("adur", "1"): [3]}


def test_a_refused_row_is_told_of_its_item_as_far_as_it_names_one(tmp_path: Path) -> None:
    rows = (
        "1,Work,noon,Adur\n1,Work,2026-03-27T09:00:00,Adur\n1,Fix,2026-03-27T09:00:00,\n,Fix,2026-03-27T09:00:00,Adur\n"
    )

    replayed = replay(tmp_path, BY_COUNCIL, "ticket,did,at,council\n" + rows)

    assert replayed.counts.refused_lines == {("adur", "1"): [2], ("", "1"): [4]}
    assert [rejected.line for rejected in replayed.rejected] == [2, 4, 5]


def test_with_one_council_an_item_is_what_its_first_row_in_the_file_says(tmp_path: Path) -> None:
    mapping = changed(BY_COUNCIL, {"council: {column: council}": "council: {column: council}\ncouncil_of: first-row"})
    rows = "1,Fix,2026-03-27T10:00:00,adur\n1,Work,2026-03-27T09:00:00,worthing\n"

    replayed = replay(tmp_path, mapping, "ticket,did,at,council\n" + rows)

    assert [timed.key for timed in replayed.timed] == ["adur:1", "adur:1"]
    assert isinstance(replayed.events[0], TicketOpened)


ACTIVITY = st.sampled_from(["Work", "Wait", "Fix", "Note", "Nap", ""])
ROWS = st.lists(
    st.tuples(st.sampled_from("123"), ACTIVITY, st.integers(0, 59)), max_size=25, unique_by=lambda row: (row[0], row[2])
)


@law
@given(ROWS, st.randoms(use_true_random=False))
def test_no_row_is_lost_and_the_order_of_rows_says_nothing(rows: list[tuple[str, str, int]], random: Random) -> None:
    lines = [f"{item},{did},2026-03-27T09:{minute:02}:00\n" for item, did, minute in rows]
    shuffled = random.sample(lines, len(lines))

    with TemporaryDirectory() as folder:
        replayed = replay(Path(folder), ACTIVITIES, HEADER + "".join(lines))
        again = replay(Path(folder), ACTIVITIES, HEADER + "".join(shuffled))

    assert replayed.counts.rows == len(rows)
    assert replayed.counts.unaccounted == again.counts.unaccounted == 0
    assert len(replayed.rejected) == replayed.counts.refused
    assert sorted(replayed.timed) == sorted(again.timed)
    assert len({event.id for event in replayed.events}) == len(replayed.events) == replayed.counts.events.total()


def sequences(replayed: Replayed) -> list[tuple[str, str | UnsetType]]:
    """What each event is and its sequence, in the order of the rows."""
    return [(name, event.sequence) for name, event in zip(replayed.names, replayed.events, strict=True)]  # type: ignore[union-attr] # all of them are of a ticket


def test_r23_rows_of_one_instant_and_the_events_of_a_row_are_numbered(tmp_path: Path) -> None:
    rows = "1,Note,2026-03-27T09:00:00\n1,Fix,2026-03-27T10:00:00\n1,Note,2026-03-27T10:00:00\n"
    rows += "1,Wait,2026-03-27T10:00:00\n2,Note,2026-03-27T10:00:00\n"

    replayed = replay(tmp_path, ACTIVITIES, HEADER + rows)

    assert sorted(sequences(replayed)) == [
        ("opened", "1001"),
        ("opened", "1001"),
        ("paused", "3002"),
        ("reopened", "3001"),
        ("resolved", "1001"),
    ]


def test_r23_another_export_of_the_same_rows_makes_the_same_events(tmp_path: Path) -> None:
    rows = ["1,Note,2026-03-27T09:00:00\n", "1,Fix,2026-03-27T10:00:00\n", "1,Work,2026-03-27T10:00:00\n"]
    other = ["2,Note,2026-03-26T09:00:00\n", "3,Note,2026-03-27T10:00:00\n"]

    once = replay(tmp_path, ACTIVITIES, HEADER + "".join(rows))
    again = replay(tmp_path, ACTIVITIES, HEADER + "".join([other[0], *rows, other[1]]))

    assert {each.value for each in once.timed} <= {each.value for each in again.timed}


def test_r23_of_an_export_that_is_newest_first_the_lower_row_of_an_instant_comes_first(tmp_path: Path) -> None:
    rows = [
        "1,Note,2026-03-27T09:00:00\n",
        "1,Fix,2026-03-27T10:00:00\n",
        "1,Work,2026-03-27T11:00:00\n",
        "1,Fix,2026-03-27T11:00:00\n",
        "2,Note,2026-03-27T11:30:00\n",
        "2,Fix,2026-03-27T11:30:00\n",
    ]

    oldest_first = replay(tmp_path, ACTIVITIES, HEADER + "".join(rows))
    newest_first = replay(tmp_path, ACTIVITIES, HEADER + "".join(reversed(rows)))

    assert {each.value for each in newest_first.timed} == {each.value for each in oldest_first.timed}
    assert newest_first.counts.notes[NEWEST_FIRST] == 2
    assert oldest_first.counts.notes[NEWEST_FIRST] == 0


VARIED = changed(
    ACTIVITIES,
    {
        "service: {constant: ict}": "service: {column: service}\npriority: {column: urgency}\n"
        "attributes: {team: {column: team}}"
    },
)
VARIED_ROWS = (
    "ticket,did,at,service,urgency,team\n"
    "1,Work,2026-03-02T09:00:00,ict,p3,a\n"
    "1,Note,2026-03-02T10:00:00,ict,p1,a\n"
    "1,Note,2026-03-02T11:00:00,ict,p1,\n"
    "1,Wait,2026-03-02T12:00:00,phones,p1,b\n"
    "1,Fix,2026-03-02T13:00:00,phones,p1,b\n"
)


def test_what_changes_from_row_to_row_reclassifies_the_item(tmp_path: Path) -> None:
    replayed = replay(tmp_path, changed(VARIED, {"rows: event": "rows: event\nreclassify: yes"}), VARIED_ROWS)

    assert replayed.names == ["opened", "reclassified", "reclassified", "paused", "resolved"]
    changes = [event.data for event in replayed.events if isinstance(event, TicketReclassified)]
    assert changes == [ReclassifiedData(priority="p1"), ReclassifiedData(service="phones", attributes={"team": "b"})]
    assert replayed.counts.translated == 4
    assert replayed.counts.unaccounted == 0


def test_without_that_setting_the_first_row_holds_and_the_items_are_counted(tmp_path: Path) -> None:
    replayed = replay(tmp_path, VARIED, VARIED_ROWS)

    assert replayed.names == ["opened", "paused", "resolved"]
    assert replayed.counts.notes == {CHANGES_UNREAD: 1}


OPENING = changed(
    ACTIVITIES, {"  - {event: opened, pick: first}\n": "", "activity: did": "activity: did\nopening: made"}
)


def test_a_column_may_say_when_the_item_began(tmp_path: Path) -> None:
    made = "2026-03-02T09:00:00"
    csv = f"ticket,did,at,made\n1,Wait,{made},{made}\n1,Fix,2026-03-02T10:00:00,{made}\n"

    replayed = replay(tmp_path, OPENING, csv)

    assert replayed.names == ["opened", "paused", "resolved"]
    assert [event.sequence for event in replayed.events if isinstance(event, ItemEvent)] == ["1001", "2001", "1001"]
    assert replayed.counts.unaccounted == 0


def test_an_item_of_which_every_row_changes_nothing_still_began(tmp_path: Path) -> None:
    replayed = replay(tmp_path, OPENING, "ticket,did,at,made\n1,Note,2026-03-02T10:00:00,2026-03-02T09:00:00\n")

    assert replayed.names == ["opened"]
    assert replayed.counts.translated == 1
    assert replayed.counts.unaccounted == 0


def test_an_activity_that_is_not_listed_opens_an_item_only_noted(tmp_path: Path) -> None:
    replayed = replay(tmp_path, ACTIVITIES, "ticket,did,at\n1,Phoned,2026-03-02T09:00:00\n1,Fix,2026-03-02T10:00:00\n")

    assert replayed.names == ["opened", "resolved"]
    assert replayed.counts.notes == {UNLISTED_OPENING: 1}


def test_an_ignored_activity_that_comes_first_is_when_the_item_opens(tmp_path: Path) -> None:
    replayed = replay(tmp_path, ACTIVITIES, "ticket,did,at\n1,Note,2026-03-02T09:00:00\n1,Fix,2026-03-02T10:00:00\n")

    assert [event.time.isoformat()[11:16] for event in replayed.events] == ["09:00", "10:00"]
