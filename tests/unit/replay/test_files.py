"""CSV files as they come: every row is one row, on the line where it begins."""

import gzip
from pathlib import Path

import pytest

from tallystick.replay.rows import RejectedRow, reject_file
from tallystick.replay.table import UnreadableFile
from tests.support.replays import TICKETS, changed, mapping_of, replay, replay_file

HEADER = "number,council,opened,resolved\n"
ROW = "7,adur,2026-03-27T16:59:00,\n"


@pytest.mark.parametrize(
    "csv",
    [
        HEADER + ROW,
        "\ufeff" + HEADER + ROW,  # as Excel writes it
        (HEADER + ROW).replace("\n", "\r\n"),
        HEADER + ROW.rstrip("\n"),
        HEADER + "\n" + ROW + "\n",
        "note," + HEADER + '"free, text ""here""",' + ROW,
        "Resolved,resolved,opened,council,number\nx,,2026-03-27T16:59:00, adur ,7\n",
    ],
)
def test_the_same_row_is_read_however_the_file_is_written(csv: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, csv)

    assert (replayed.only().council, replayed.only().subject) == ("adur", "7")
    assert replayed.counts.rows == 1


def test_a_gzipped_file_gives_the_same_events(tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROW).encode()))

    assert replay_file(mapping_of(tmp_path, TICKETS), path).timed == replay(tmp_path, TICKETS, HEADER + ROW).timed


def test_another_encoding_is_read_when_the_mapping_names_it(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes((HEADER + ROW.replace("adur", "Môn")).encode("cp1252"))

    replayed = replay_file(mapping_of(tmp_path, changed(TICKETS, {"rows: item": "rows: item\nencoding: cp1252"})), path)

    assert replayed.only().council == "mon"
    with pytest.raises(UnreadableFile, match="give the mapping another `encoding`"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


def test_refused_rows_are_reported_with_the_line_on_which_they_begin(tmp_path: Path) -> None:
    csv = HEADER + '1,adur,"not\na\ntime",\n' + "\n" + "2,adur\n" + ROW + "3,,2026-03-27T16:59:00,\n"

    replayed = replay(tmp_path, TICKETS, csv)

    assert replayed.rejected == [
        RejectedRow(2, r"opened: 'not\na\ntime' is not a time in ISO 8601, like 2026-03-27T16:59:00"),
        RejectedRow(6, "the row has 2 cells where the header has 4"),
        RejectedRow(8, "council: the cell is blank"),
    ]
    assert next(replayed.counts.lines()) == "4 rows = 1 translated + 3 refused"


def test_an_open_quote_refuses_the_lines_that_it_swallows(tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, HEADER + ROW + '8,"adur,2026-03-27T16:59:00,\n9,adur,,\n')

    assert [rejected.line for rejected in replayed.rejected] == [3]
    assert "lines 3 to 4 are no CSV" in replayed.rejected[0].reason
    assert replayed.counts.unaccounted == 0


def test_a_missing_column_is_told_with_the_one_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"no column 'opened': did you mean opned\?; .*no column 'resolved'"):
        replay(tmp_path, TICKETS, "number,council,opned\n")


def test_a_column_that_is_there_twice_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="2 columns called 'opened'"):
        replay(tmp_path, TICKETS, "number,council,opened,opened,resolved\n")


@pytest.mark.parametrize("header", ["Number, COUNCIL ,opened,resolved", "number,council,Opened,RESOLVED"])
def test_a_column_may_differ_in_capital_letters_and_spaces_which_is_noted(header: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, f"{header}\n{ROW}")

    assert (replayed.only().council, replayed.only().subject) == ("adur", "7")
    assert [note for note in replayed.counts.notes if "is read as" in note] == [
        f"the column {there.strip()!r} is read as {named!r}"
        for there, named in zip(header.split(","), HEADER.strip().split(","), strict=True)
        if there.strip() != named
    ]


def test_of_two_columns_that_differ_in_capital_letters_neither_is_read_for_a_third(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="no column 'opened'"):
        replay(tmp_path, TICKETS, "number,council,Opened,OPENED,resolved\n")


TOTAL = "Total,1,,\n"


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        (HEADER.replace(",", ";") + ROW.replace(",", ";"), ""),
        ("\ufeff" + HEADER.replace(",", ";") + ROW.replace(",", ";"), 'delimiter: ";"'),
        (HEADER.replace(",", "\t") + ROW.replace(",", "\t"), "delimiter: tab"),
        (HEADER.replace(",", "|") + ROW.replace(",", "|"), ""),
        ("sep=,\r\n" + HEADER + ROW, ""),
        ("sep=;\r\n" + HEADER.replace(",", ";") + ROW.replace(",", ";"), ""),
        ('"sep=;"\r\n' + HEADER.replace(",", ";") + ROW.replace(",", ";"), 'delimiter: ";"'),
        ("Tickets in June,,,\n\nPrinted,,,\n" + HEADER + ROW + ",,,\n , ,,\n", ""),
        ("Tickets in June\n" + HEADER + ROW, "header_line: 2"),
        (HEADER + ROW + TOTAL, "where: [{column: number, not_in: [Total]}]"),
        (HEADER + ROW + TOTAL, "where: [{column: council, in: [adur]}]"),
        (HEADER.replace("council", "'council'") + ROW.replace("adur", "'adur'"), 'quote: "\'"'),
        (HEADER + ROW.replace("\n", "?\n"), 'blank: ["?", "NULL"]'),
        (HEADER.replace("\n", ",size\n") + ROW.replace("\n", ',24" screen\n'), "quote: none"),
    ],
)
def test_a_file_is_read_as_its_header_shows_or_as_the_mapping_says(text: str, settings: str, tmp_path: Path) -> None:
    replayed = replay(tmp_path, changed(TICKETS, {"rows: item": f"rows: item\n{settings}"}), text)

    assert (replayed.only().council, replayed.only().subject) == ("adur", "7")
    assert replayed.rejected == []
    assert replayed.counts.unaccounted == 0


def test_what_the_header_showed_is_noted(tmp_path: Path) -> None:
    replayed = replay(tmp_path, TICKETS, "June\n" + HEADER.replace(",", ";") + ROW.replace(",", ";"))

    assert replayed.counts.notes == {
        "cells are separated by ';', as the header shows": 1,
        "lines above the header, which is on line 2: not read": 1,
    }


def test_rows_that_are_left_out_or_blank_are_counted_with_the_reason(tmp_path: Path) -> None:
    mapping = changed(TICKETS, {"rows: item": "rows: item\nwhere: [{column: number, not_in: [Total]}]"})

    replayed = replay(tmp_path, mapping, HEADER + ROW + TOTAL + ",,,\n")

    assert replayed.counts.unused == {"left out by where: number": 1, "blank: no cell says anything": 1}
    assert next(replayed.counts.lines()) == "3 rows = 1 translated + 0 refused + 2 that carry no event"


def test_a_total_without_a_filter_is_refused_with_its_reason(tmp_path: Path) -> None:
    assert replay(tmp_path, TICKETS, HEADER + ROW + TOTAL).rejected == [
        RejectedRow(3, "opened: the cell is blank: nothing says when the item began")
    ]


def test_a_header_that_is_not_where_the_mapping_says_names_what_is_there(tmp_path: Path) -> None:
    mapping = changed(TICKETS, {"rows: item": "rows: item\nheader_line: 2"})

    with pytest.raises(UnreadableFile, match=r"no column 'council'; .* Its columns on line 2 are: 7, adur"):
        replay(tmp_path, mapping, HEADER + ROW)


def test_a_cell_may_have_megabytes(tmp_path: Path) -> None:
    long = "x" * (10 * 1024 * 1024)

    replayed = replay(tmp_path, TICKETS, "note," + HEADER + f"{long},{ROW}" + f"{long}y,8{ROW[1:]}")

    assert replayed.only().subject == "7"
    assert "a cell has more than 10,485,760 characters" in replayed.rejected[0].reason


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8"])
def test_unicode_of_any_width_is_read_when_it_is_named(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_bytes((HEADER + ROW.replace("adur", "Môn")).encode(encoding))
    mapping = changed(TICKETS, {"rows: item": f"rows: item\nencoding: {encoding}"})

    assert replay_file(mapping_of(tmp_path, mapping), path).only().council == "mon"
    if encoding == "utf-16":
        with pytest.raises(UnreadableFile, match="for example utf-16"):
            replay_file(mapping_of(tmp_path, TICKETS), path)


@pytest.mark.parametrize("at", [12, 60, -60])
def test_a_damaged_gzip_is_an_error_with_the_line(at: int, tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    rows = "".join(f"{number},adur,2026-03-27T16:{number % 60:02}:00,\n" for number in range(50_000))
    content = bytearray(gzip.compress((HEADER + rows).encode()))
    content[at : at + 20] = bytes(byte ^ 0xFF for byte in content[at : at + 20])
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match=r"^export.csv.gz (cannot be read|is damaged|breaks off) after line \d+: "):
        replay_file(mapping_of(tmp_path, TICKETS), path)


@pytest.mark.parametrize("keep", [10, 40])
def test_a_file_that_breaks_off_is_an_error_not_an_end(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "export.csv.gz"
    path.write_bytes(gzip.compress((HEADER + ROW * 5000).encode())[:keep])

    with pytest.raises(UnreadableFile, match=r"cannot be read|breaks off after line"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


def test_the_file_of_refused_rows_opens_in_a_spreadsheet_and_runs_nothing(tmp_path: Path) -> None:
    with reject_file(tmp_path / "rejects.csv") as reject:
        reject(RejectedRow(2, "=1+1: the cell is blank"))

    assert (tmp_path / "rejects.csv").read_text(encoding="utf-8-sig").splitlines() == [
        "line,reason",
        "2,'=1+1: the cell is blank",
    ]
