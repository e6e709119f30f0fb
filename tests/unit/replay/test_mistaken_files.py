"""Files that are not what they seem: what is wrong is said with its line, and no advice makes it worse."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tallystick.replay.ids import IdAssigner
from tallystick.replay.suggested import suggest
from tallystick.replay.table import UnreadableFile
from tests.support.replays import TICKETS, mapping_of, replay, replay_file

ROWS = "number,council,opened,resolved\n1,adur,2026-03-02T09:00:00,2026-03-02T10:00:00\n"
UTF_8_MARK = b"\xef\xbb\xbf"


def zipped(name: str, content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


PLAIN, PACKED = ROWS.encode(), gzip.compress(ROWS.encode())
READERS: list[Callable[[Path], object]] = [
    lambda path: replay_file(mapping_of(path.parent, TICKETS), path),
    lambda path: suggest(path, zone="Europe/London"),
]


@pytest.mark.parametrize("read", READERS, ids=["replay", "map"])
@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", PACKED, "a.csv holds a gzipped file: unpack it, or give it a name that says so"),
        ("a.csv.gz", gzip.compress(PACKED), "holds a gzipped file"),
        ("a.zip", zipped("a.csv.gz", PACKED), "holds a gzipped file"),
        ("a.zip", zipped("b.zip", zipped("a.csv", PLAIN)), "holds a .zip or a workbook"),
        ("a.csv", zipped("xl/workbook.xml", b""), "holds a .zip or a workbook"),
        ("a.zip", PLAIN, "a.zip cannot be read: it is damaged, or not what its name says"),
        ("a.csv.gz", PLAIN, "a.csv.gz cannot be read: it is damaged, or not what its name says"),
        ("a.xlsx", PLAIN, "a.xlsx cannot be read: it is damaged, or not what its name says"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_told(
    name: str, content: bytes, sentence: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UnreadableFile, match=sentence):
        read(tmp_path / name)


@pytest.mark.parametrize("marks", [0, 1, 2, 3])
def test_byte_order_marks_are_no_part_of_the_header(marks: int, tmp_path: Path) -> None:
    for header in (ROWS, ROWS.replace("number", '"number"', 1)):
        (tmp_path / "a.csv").write_bytes(UTF_8_MARK * marks + header.encode())

        assert replay_file(mapping_of(tmp_path, TICKETS), tmp_path / "a.csv").counts.translated == 1


@pytest.mark.parametrize("line", [2, 3, 500, 40_000])
def test_the_line_with_another_encoding_is_named(line: int, tmp_path: Path) -> None:
    rows = [row.encode() for row in ROWS.splitlines(keepends=True)]
    content = [rows[0], *[rows[1]] * (line - 2), "1,Ynys Môn,2026-03-02,\n".encode("cp1252"), rows[1]]
    (tmp_path / "a.csv").write_bytes(b"".join(content))

    with pytest.raises(UnreadableFile, match=rf"a.csv is not utf-8-sig near line {line}: .*, for example cp1252"):
        replay_file(mapping_of(tmp_path, TICKETS), tmp_path / "a.csv")


def test_a_first_mapping_is_found_for_what_excel_saves_as_unicode_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS.replace(",", "\t").encode("utf-16"))

    found = suggest(path, zone="Europe/London")

    assert not found.undecided
    assert replay_file(mapping_of(tmp_path, found.text), path).counts.translated == 1


@pytest.mark.parametrize("text", ["2026-03-02T10:00:00\0", "2026-03-02T10:00:00\0Z"])
def test_a_nul_in_a_time_is_refused_and_nothing_after_it_dropped(text: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, ROWS.replace("2026-03-02T10:00:00", text))

    assert [each.reason for each in replayed.rejected] == ["resolved: holds a NUL character"]


def test_a_line_of_json_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.replay.json_lines.LONGEST_ROW", 100)
    (tmp_path / "a.jsonl").write_text('{"number": "' + "1" * 200 + '"}\n', encoding="utf-8")

    with pytest.raises(UnreadableFile, match=r"a.jsonl, line 1: a line has more than 100 bytes"):
        replay_file(mapping_of(tmp_path, TICKETS), tmp_path / "a.jsonl")


def test_names_that_differ_in_capital_letters_and_spaces_alone_are_one() -> None:
    naming = IdAssigner({})

    made = {naming.id_of(text, column="council") for text in ("Adur DC", "ADUR DC", "Adur  dc", "adur\u00a0dc")}

    assert made == {"adur-dc"}


@pytest.mark.parametrize("opened", ["Date Logged", "Logged", "Time received", "Date opened", "Created"])
def test_a_first_mapping_finds_the_opening_under_the_names_that_it_goes_by(opened: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"Ticket No,Authority,{opened},Fixed\n1,Adur,15/06/2026 09:14,\n", encoding="utf-8")

    found = suggest(path, zone="Europe/London")

    assert (found.undecided, f'column: "{opened}"' in found.text) == ((), True)
