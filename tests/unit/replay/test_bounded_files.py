"""However a file is made, reading it takes memory within bounds: what is out of all proportion is refused."""

import gzip
import zipfile
from itertools import pairwise
from pathlib import Path

import openpyxl
import pytest

from tallystick.replay import delimited, json_lines, workbook
from tallystick.replay.table import UnreadableFile
from tests.support.replays import TICKETS, mapping_of, replay, replay_file

HEADER = "number,council,opened,resolved\n"
ROW = "1,adur,2026-03-02T09:00:00,\n"
LONGEST = 10_000  # instead of millions of characters
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture(autouse=True)
def bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in (delimited, json_lines):
        monkeypatch.setattr(each, "LONGEST_ROW", LONGEST)


@pytest.mark.parametrize("filler", [",", " ", "\0"])
def test_a_row_without_an_end_is_refused_wherever_the_file_unpacks_to_it(filler: str, tmp_path: Path) -> None:
    export = tmp_path / "export.csv.gz"
    export.write_bytes(gzip.compress((HEADER + ROW + filler * 10 * LONGEST).encode()))

    with pytest.raises(UnreadableFile, match=r"export.csv.gz, line 3: a row has more than 10,000 characters"):
        replay_file(mapping_of(tmp_path, TICKETS), export)


def test_a_row_of_many_quoted_lines_has_an_end_too(tmp_path: Path) -> None:
    endless = '"' + '\n","' * LONGEST

    with pytest.raises(UnreadableFile, match="line 3: a row has more than 10,000 characters"):
        replay(tmp_path, TICKETS, HEADER + ROW + endless)


def test_many_rows_may_be_longer_together_than_one(tmp_path: Path) -> None:
    rows = "".join(ROW.replace("1,", f"{number},", 1) for number in range(1_000))

    assert replay(tmp_path, TICKETS, HEADER + rows).counts.translated == 1_000


def sheet_of(path: Path, last: str) -> Path:
    """A workbook of one ticket whose sheet ends with `last` instead of its own end."""
    made = openpyxl.Workbook()
    assert made.active is not None
    for row in (HEADER, ROW):
        made.active.append(row.rstrip("\n").split(","))
    plain = path.with_name("plain.xlsx")
    made.save(plain)
    with zipfile.ZipFile(plain) as read, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as written:
        for name in read.namelist():
            text = read.read(name).decode()
            written.writestr(name, text.partition("</sheetData>")[0] + last if name == SHEET else text)
    return path


def test_a_workbook_out_of_all_proportion_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbook, "_SUSPECT_FROM", 1_000_000)
    cell = f'<row r="3"><c r="A3" t="inlineStr"><is><t>{"x" * 2_000_000}</t></is></c></row>'

    with pytest.raises(UnreadableFile, match=r"bomb.xlsx unpacks to more than 100 times its size: save it as CSV"):
        replay_file(mapping_of(tmp_path, TICKETS), sheet_of(tmp_path / "bomb.xlsx", f"{cell}</sheetData></worksheet>"))


@pytest.mark.parametrize("last", ["", "<row", "</sheetData>&lol;</worksheet>"])
def test_a_sheet_that_breaks_off_is_damaged_and_no_bug(last: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"cut.xlsx (is damaged|cannot be read)"):
        replay_file(mapping_of(tmp_path, TICKETS), sheet_of(tmp_path / "cut.xlsx", last))


def test_entities_of_a_sheet_are_not_multiplied(tmp_path: Path) -> None:
    bomb = sheet_of(
        tmp_path / "bomb.xlsx",
        '<row r="3"><c r="A3" t="inlineStr"><is><t>&e;</t></is></c></row></sheetData></worksheet>',
    )
    entities = "".join(f'<!ENTITY {b} "{f"&{a};" * 100}">' for a, b in pairwise("abcde"))
    declared = f'<!DOCTYPE w [<!ENTITY a "{"x" * 100}">{entities}]><worksheet'
    with zipfile.ZipFile(bomb) as read:
        parts = {name: read.read(name) for name in read.namelist()}
    with zipfile.ZipFile(bomb, "w") as written:
        for name, text in parts.items():
            written.writestr(name, text.replace(b"<worksheet", declared.encode(), 1) if name == SHEET else text)

    with pytest.raises(UnreadableFile, match=r"^bomb.xlsx cannot be read") as refused:
        replay_file(mapping_of(tmp_path, TICKETS), bomb)

    assert "\n" not in str(refused.value)


def test_of_many_names_only_the_first_are_listed(tmp_path: Path) -> None:
    export = tmp_path / "export.zip"
    with zipfile.ZipFile(export, "w") as archive:
        for number in range(1_000):
            archive.writestr(f"{number}.csv", HEADER)

    with pytest.raises(UnreadableFile, match=r"it holds 0.csv, .*, 19.csv and 980 more: unpack it"):
        replay_file(mapping_of(tmp_path, TICKETS), export)


def test_of_many_columns_only_the_first_are_listed(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"has 1000 columns called 'number'; .* number, number and 980 more$"):
        replay(tmp_path, TICKETS, ",".join(["number"] * 1_000) + "\n")


def test_of_a_long_cell_the_reason_shows_its_beginning(tmp_path: Path) -> None:
    found = replay(tmp_path, TICKETS, HEADER + ROW.replace("2026-03-02T09:00:00", "x" * 5_000))

    (rejected,) = found.rejected
    assert rejected.reason.startswith("opened: 'xxxxxxxx")
    assert rejected.reason.endswith("' is not a time in ISO 8601, like 2026-03-27T16:59:00")
    assert len(rejected.reason) < 600
