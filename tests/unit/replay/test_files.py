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


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (HEADER.replace(",", ";") + ROW.replace(",", ";"), "its cells are separated by ';': save it with commas"),
        ("\ufeff" + HEADER.replace(",", ";"), "its cells are separated by ';': save it with commas"),
        (HEADER.replace(",", "\t"), r"its cells are separated by '\\t': save it with commas"),
        ("sep=,\r\n" + HEADER + ROW, "line 1 is 'sep=,', which only Excel understands: remove the line"),
        ("Tickets in June,,,\n\n" + HEADER + ROW + "Total,1,,\n", "its header is on line 3: remove the lines above it"),
    ],
)
def test_a_file_that_is_not_quite_a_csv_is_refused_with_what_to_do(text: str, advice: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=f"^export.csv: {advice}"):
        replay(tmp_path, TICKETS, text)


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
