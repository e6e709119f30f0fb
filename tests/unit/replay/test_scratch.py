"""What a replay keeps outside memory comes back as if it had been held there, and nothing of it is left behind."""

import resource
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.startup_errors import StorageFailed
from tallystick.replay import scratch as scratch_file
from tallystick.replay.scratch import FirstValues, NoSpaceLeft, Scratch, Sorted, StoredCounts, open_scratch
from tests.support.figures import print_figure
from tests.support.laws import law
from tests.support.replays import ACTIVITIES, TICKETS, Replayed, replay


class Value(NamedTuple):
    """A value that is ordered by one of its parts."""

    order: int
    text: str


@law
@given(
    st.lists(st.builds(Value, st.integers(0, 5), st.text(st.characters(codec="utf-8"), max_size=3))), st.integers(1, 4)
)
def test_values_are_sorted_stably_however_many_fit_in_memory(values: list[Value], run: int) -> None:
    with closing(Scratch()) as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch_file, "_RUN", run)
        found = Sorted(scratch, Value, key=lambda value: value.order)
        for value in values:
            found.add([value])

        assert list(found) == list(found) == sorted(values, key=lambda value: value.order)


@law
@given(st.lists(st.lists(st.sampled_from("abc"))))
def test_keys_are_counted_and_keep_their_first_value(batches: list[list[str]]) -> None:
    with closing(Scratch()) as scratch:
        counts, firsts, expected = StoredCounts(scratch), FirstValues[int](scratch), dict[str, int]()
        for number, batch in enumerate(batches, start=1):
            counts.add(batch)
            for key in batch:
                assert firsts.setdefault(key, number) == expected.setdefault(key, number)

        assert dict(counts) == Counter(key for batch in batches for key in batch)
        assert (len(counts), "d" in counts) == (len(expected), False)
        assert {key: firsts.get(key) for key in "abcd"} == {key: expected.get(key) for key in "abcd"}


def export(header: str, row: str) -> str:
    """A hundred rows of thirty items at few instants, some of them no rows of an item."""
    chance = Random(1)  # noqa: S311 (nothing secret: the same rows every time)
    made = [
        row.format(
            item=chance.choice(["", "a 7", "a-7", *map(str, range(30))]),
            hour=chance.randrange(9, 12),
            did=chance.choice(["Note", "Work", "Wait", "Fix", "Nap"]),
        )
        for _ in range(100)
    ]
    return header + "".join(made)


@pytest.mark.parametrize(
    ("mapping", "header", "row"),
    [
        (TICKETS, "number,council,opened,resolved\n", "{item},adur,2026-03-02T{hour:02}:00:00,2026-03-03T09:00:00\n"),
        (ACTIVITIES, "ticket,did,at\n", "{item},{did},2026-03-02T{hour:02}:00:00\n"),
    ],
)
def test_a_file_that_does_not_fit_in_memory_makes_the_same_events_and_refusals(
    mapping: str, header: str, row: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replayed() -> Replayed:
        return replay(tmp_path, mapping, export(header, row))

    in_memory = replayed()
    monkeypatch.setattr(scratch_file, "_RUN", 7)

    assert len(in_memory.timed) > 7
    assert in_memory.rejected
    assert replayed() == in_memory


PEAK_MB = """
import resource, sys
from pathlib import Path
from tallystick.replay import scratch as scratch_file
from tallystick.replay.mapping import read_mapping
from tallystick.replay.rows import RowCounts
from tallystick.replay.scratch import open_scratch
from tallystick.replay.translate import translate

mapping, path = read_mapping(sys.argv[1], lookups={}), Path(sys.argv[2])
scratch_file._RUN = int(sys.argv[3])
with open_scratch(path.parent) as scratch:
    made = sum(1 for _ in translate(mapping, path, counts=RowCounts(), rejects=print, scratch=scratch))
print(made, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mb(folder: Path, *, rows: int, run: int = scratch_file._RUN) -> int:
    """The most memory that a process holds while it translates so many tickets of two events each, `run` at a time."""
    mapping, path = folder / "mapping.yaml", folder / f"{rows}.csv"
    mapping.write_text(TICKETS, encoding="utf-8")
    with path.open("w", encoding="utf-8") as text:
        text.write("number,council,opened,resolved\n")
        text.writelines(f"INC-{n},adur,2026-03-02T09:00:{n % 60:02},2026-03-03T09:00:00\n" for n in range(rows))
    ran = subprocess.run(
        [sys.executable, "-c", PEAK_MB, mapping, path, str(run)], capture_output=True, text=True, check=True
    )
    made, peak = map(int, ran.stdout.split())
    assert made == 2 * rows
    return peak


def test_six_times_as_many_rows_take_no_more_memory_where_less_is_held_at_a_time(tmp_path: Path) -> None:
    few, many = peak_mb(tmp_path, rows=1_500, run=1_500), peak_mb(tmp_path, rows=9_000, run=1_500)

    print_figure(f"1,500 rows: {few} MB; 9,000 rows: {many} MB")
    assert many - few <= 5  # in memory, an event alone takes half a kilobyte: seven megabytes more


@pytest.mark.long
def test_six_times_as_many_rows_take_no_more_memory(tmp_path: Path) -> None:
    few, many = peak_mb(tmp_path, rows=20_000), peak_mb(tmp_path, rows=120_000)

    print_figure(f"20,000 rows: {few} MB; 120,000 rows: {many} MB")
    assert many - few <= 15  # in memory, an event alone takes half a kilobyte: a hundred megabytes more


def test_the_file_is_removed_also_where_a_killed_command_left_one(tmp_path: Path) -> None:
    (tmp_path / "replay.tmp").write_bytes(b"left behind")

    with open_scratch(tmp_path) as scratch:
        FirstValues[int](scratch).setdefault("a", 1)
        assert [path.name for path in tmp_path.iterdir()] == ["replay.tmp"]

    assert list(tmp_path.iterdir()) == []


def fill_the_disk(folder: Path) -> None:
    with open_scratch(folder) as scratch:
        scratch.execute("PRAGMA max_page_count = 10")  # which SQLite reports as it does a full disk
        FirstValues[bytes](scratch).add((str(number), bytes(1000)) for number in range(1000))


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoSpaceLeft, match=r"the disk of .* is full"):
        fill_the_disk(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_takes_no_byte_is_one_sentence_and_is_closed(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        with pytest.raises((NoSpaceLeft, StorageFailed), match="full"), open_scratch(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert list(tmp_path.iterdir()) == []
