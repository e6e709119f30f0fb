"""While a file is read it is known how much of it is: bytes of the file as it is, packed or not."""

import gzip
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest

from tallystick.replay.rows import RowCounts
from tallystick.replay.scratch import Scratch
from tallystick.replay.table import UnreadableFile
from tallystick.replay.translate import translate
from tallystick.replay.trial import trial_definitions
from tests.support.replays import TICKETS, mapping_of

HEADER = "number,council,opened,resolved\n"
ROWS = [f"{number},adur,2026-03-02T09:00:{number % 60:02},\n" for number in range(4_000)]
TRIAL = f"{TICKETS}\ntrial:\n  title: Trial\n  provider: {{id: p, name: P}}\n"


def plain(path: Path) -> Path:
    path.write_text(HEADER + "".join(ROWS), encoding="utf-8")
    return path


def gzipped(path: Path) -> Path:
    packed = path.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress((HEADER + "".join(ROWS)).encode()))
    return packed


def zipped(path: Path) -> Path:
    packed = path.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("export.csv", HEADER + "".join(ROWS))
    return packed


def workbook(path: Path) -> Path:
    made = openpyxl.Workbook(write_only=True)
    sheet = made.create_sheet("Tickets")
    for row in [HEADER, *ROWS]:
        sheet.append(row.rstrip("\n").split(","))
    made.save(path.with_suffix(".xlsx"))
    return path.with_suffix(".xlsx")


@pytest.mark.parametrize("write", [plain, gzipped, zipped, workbook])
def test_how_far_a_file_is_read_ascends_to_its_size(write: Callable[[Path], Path], tmp_path: Path) -> None:
    path, seen, counts = write(tmp_path / "export.csv"), list[int](), RowCounts()

    with closing(Scratch()) as scratch:
        mapping = mapping_of(tmp_path, TICKETS)
        list(translate(mapping, path, counts=counts, rejects=print, scratch=scratch, progressed=seen.append))

    size = path.stat().st_size
    assert counts.rows == 4_000
    assert len(seen) == 4
    assert seen == sorted(seen)
    assert 0 < seen[0] <= seen[-1] <= size
    assert seen[-1] >= size / 2


def test_the_names_for_a_trial_are_read_as_visibly(tmp_path: Path) -> None:
    path, seen = plain(tmp_path / "export.csv"), list[int]()

    trial_definitions(mapping_of(tmp_path, TRIAL), path, progressed=seen.append)

    assert len(seen) == 4
    assert 0 < seen[0] <= seen[-1] <= path.stat().st_size


def appended(path: Path) -> None:
    with path.open("a", encoding="utf-8") as text:
        text.write("4001,adur,2026-03-02T09:")


def replaced(path: Path) -> None:
    other = path.with_name("other.csv")
    other.write_bytes(path.read_bytes())
    other.rename(path)


@pytest.mark.parametrize("change", [appended, replaced, Path.unlink])
def test_a_file_that_changes_while_it_is_read_is_refused(change: Callable[[Path], None], tmp_path: Path) -> None:
    path = plain(tmp_path / "export.csv")
    changes = iter([change])

    def progressed(_: int) -> None:
        for each in changes:
            each(path)

    with (
        closing(Scratch()) as scratch,
        pytest.raises(UnreadableFile, match=r"export.csv was changed while it was read"),
    ):
        translate(
            mapping_of(tmp_path, TICKETS),
            path,
            counts=RowCounts(),
            rejects=print,
            scratch=scratch,
            progressed=progressed,
        )
