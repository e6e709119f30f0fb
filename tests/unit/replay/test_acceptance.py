"""What the services would refuse, a replay refuses with its line; all that it sends, every service accepts."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.items import TicketEvent
from shared.contracts.topics import PARTITIONS
from shared.contracts.usage import UsageEvent
from shared.log.partitioner import partition_of
from shared.log.port import Record, Shard
from shared.log.validation import InvalidRecord, read_event
from shared.units import EpochMillis, Offset
from tallystick.replay.events import TimedEvent
from tests.support.laws import law
from tests.support.replays import ACTIVITIES, READINGS, TICKETS, Replayed, changed, mapping_of, replay, replay_file

WITH_TEAM = "attributes: {team: {column: team}}\npriority: {column: team, values: {x: x}, default: p1}\n"
FORMS = {
    "item": (
        changed(TICKETS, {"events:": f"{WITH_TEAM}events:"}),
        ["number", "council", "opened", "resolved", "team"],
        ["1", "adur", "2026-03-27T16:59:00", "2026-03-30T09:01:00", "x"],
    ),
    "event": (
        changed(
            ACTIVITIES, {"council: {constant: adur}": "council: {column: council}", "events:": f"{WITH_TEAM}events:"}
        ),
        ["ticket", "council", "did", "at", "team"],
        ["1", "adur", "Work", "2026-03-27T16:59:00", "x"],
    ),
    "reading": (
        changed(READINGS, {"date: paid": "date: paid\nreading: number"}),
        ["number", "council", "paid", "lines"],
        ["1", "leeds", "2026-03-27", "3"],
    ),
}
CARRIED = frozenset({*get_args(TicketEvent), *get_args(UsageEvent)})
# What tests/support/poison.py sends, as far as a cell can hold it.
POISONOUS = [
    "\0",
    "a\0b",
    "x" * 65,
    "i" * 129,
    "t" * 100_000,
    "{ashby}",
    "../ashby",
    "ash\u202eby",
    "\ufeff",
    "\U0001f600",
    "NaN",
    "1e999",
    "-3",
    "9" * 30,
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1970-01-01T00:00:00Z",
    "2026-05-07T12:00:60Z",
    "1778155200",
    "=1+1",
    "",
]


def replayed_with(folder: Path, form: str, column: int, text: str) -> Replayed:
    """A row of the form before and after one with `text` in that column."""
    mapping, header, row = FORMS[form]
    rows = [[each if index else f"{number}" for index, each in enumerate(row)] for number in (1, 2, 3)]
    rows[1][column] = text
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in each) for each in [header, *rows]]
    return replay(folder, mapping, "\n".join(quoted) + "\n")


def refusal(timed: TimedEvent) -> InvalidRecord | None:
    """Why a service would quarantine it."""
    key = timed.key.encode()
    record = Record(Offset(0), key, timed.value, (), EpochMillis(max(timed.at_us // 1000, 0)))
    event = read_event(Shard(timed.topic, partition_of(key, PARTITIONS)), record, CARRIED)
    return event if isinstance(event, InvalidRecord) else None


@law
@given(st.sampled_from(sorted(FORMS)), st.integers(0, 4), st.sampled_from(POISONOUS) | st.text(max_size=80))
def test_a_row_is_refused_with_its_line_or_every_service_accepts_what_it_makes(
    form: str, column: int, text: str
) -> None:
    with TemporaryDirectory() as folder:
        try:
            replayed = replayed_with(Path(folder), form, column % len(FORMS[form][1]), text)
        except UnicodeEncodeError:
            return  # half a character is in no file of UTF-8

    assert [each for each in map(refusal, replayed.timed) if each is not None] == []
    assert replayed.counts.unaccounted == 0
    assert {timed.key.partition(":")[2] for timed in replayed.timed} >= {"1", "3"}
    assert all(rejected.line == 3 or rejected.line > 3 for rejected in replayed.rejected)


@pytest.mark.parametrize("form", ["item", "event"])
def test_a_cell_with_nul_is_refused_before_anything_is_sent(form: str, tmp_path: Path) -> None:
    replayed = replayed_with(tmp_path, form, 4, "a\0b")

    assert [(rejected.line, "NUL" in rejected.reason) for rejected in replayed.rejected] == [(3, True)]
    assert {timed.key for timed in replayed.timed} == {"adur:1", "adur:3"}


def test_half_a_character_is_refused_with_its_line(tmp_path: Path) -> None:
    mapping, header, row = FORMS["item"]
    path = tmp_path / "export.csv"
    path.write_bytes("\n".join([",".join(header), ",".join([*row[:4], "+2AA-"]), ",".join(["2", *row[1:]])]).encode())

    replayed = replay_file(mapping_of(tmp_path, changed(mapping, {"rows: item": "rows: item\nencoding: utf-7"})), path)

    assert [rejected.line for rejected in replayed.rejected] == [2]
    assert {timed.key for timed in replayed.timed} == {"adur:2"}
