"""Exports that are no CSV: workbooks, JSON lines, tabs, and what is packed. The same rows make the same events."""

import zipfile
from datetime import date, datetime, time
from pathlib import Path

import openpyxl
import pytest

from shared.contracts.items import TicketOpened
from tallystick.replay.table import UnreadableFile
from tallystick.replay.times import DATE_ONLY
from tests.support.replays import TICKETS, changed, mapping_of, replay, replay_file

COLUMNS = ["number", "council", "opened", "resolved"]
HEADER = ",".join(COLUMNS) + "\n"
ROW = "7,adur,2026-03-27T16:59:00,\n"
DAY_FIRST = changed(TICKETS, {"rows: item": 'rows: item\ntime_format: "%d/%m/%Y %H:%M"'})


def workbook(path: Path, *sheets: tuple[str, list[list[object]]], shows: str = "yyyy-mm-dd hh:mm") -> Path:
    made = openpyxl.Workbook()
    for name, rows in sheets:
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cells in sheet.iter_rows():
            for cell in cells:
                if isinstance(cell.value, datetime):
                    cell.number_format = shows
    made.remove(made.worksheets[0])
    made.save(path)
    return path


def test_a_workbook_makes_the_events_of_the_same_csv(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["Tickets in March"],
        [],
        [*COLUMNS],
        [7, "adur", datetime(2026, 3, 27, 16, 59), None],  # noqa: DTZ001 (Excel has no zones)
        [None, None, None, None],
    ]
    path = workbook(tmp_path / "export.xlsx", ("Sheet1", rows))

    for mapping in (TICKETS, DAY_FIRST):  # a date of a workbook is a date, whatever form its texts have
        replayed = replay_file(mapping_of(tmp_path, mapping), path)
        assert replayed.timed == replay(tmp_path, TICKETS, HEADER + ROW).timed
        assert replayed.counts.unaccounted == 0


def test_numbers_and_texts_of_a_workbook_are_read_as_a_person_would_write_them(tmp_path: Path) -> None:
    rows: list[list[object]] = [[*COLUMNS], [1234567890123.0, "adur", "27/03/2026 16:59", ""]]

    replayed = replay_file(mapping_of(tmp_path, DAY_FIRST), workbook(tmp_path / "a.xlsx", ("S", rows)))

    assert replayed.only().subject == "1234567890123"


def test_a_date_alone_in_a_workbook_is_midnight_and_noted(tmp_path: Path) -> None:
    rows: list[list[object]] = [[*COLUMNS], [7, "adur", datetime(2026, 3, 27), date(2026, 3, 28)]]  # noqa: DTZ001 (as above)

    replayed = replay_file(
        mapping_of(tmp_path, TICKETS), workbook(tmp_path / "a.xlsx", ("S", rows), shows="dd/mm/yyyy")
    )

    assert replayed.counts.notes == {DATE_ONLY: 2}


def test_a_date_and_a_time_in_two_cells_of_a_workbook_are_one_instant(tmp_path: Path) -> None:
    mapping = changed(TICKETS, {"events:": "times: {opened: {time: at}}\nevents:"})
    rows: list[list[object]] = [[*COLUMNS, "at"], [7, "adur", datetime(2026, 3, 27), None, time(16, 59)]]  # noqa: DTZ001 (as above)

    replayed = replay_file(mapping_of(tmp_path, mapping), workbook(tmp_path / "a.xlsx", ("S", rows)))

    assert replayed.timed == replay(tmp_path, TICKETS, HEADER + ROW).timed


def test_of_several_sheets_the_mapping_names_one(tmp_path: Path) -> None:
    rows: list[list[object]] = [[*COLUMNS], [7, "adur", "2026-03-27T16:59:00", None]]
    path = workbook(tmp_path / "a.xlsx", ("About", [["x"]]), ("Data", rows))

    with pytest.raises(UnreadableFile, match="has the sheets About, Data: name one under `sheet`"):
        replay_file(mapping_of(tmp_path, TICKETS), path)
    with pytest.raises(UnreadableFile, match=r"no sheet 'Dta': did you mean Data\?"):
        replay_file(mapping_of(tmp_path, changed(TICKETS, {"rows: item": "rows: item\nsheet: Dta"})), path)
    assert replay_file(mapping_of(tmp_path, changed(TICKETS, {"rows: item": "rows: item\nsheet: Data"})), path).timed


@pytest.mark.parametrize("content", [b"", b"no workbook", b"PK\x03\x04broken"])
def test_a_damaged_workbook_is_an_error_and_no_traceback(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match=r"^a.xlsx cannot be read: it is damaged, or not what its name says"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


NESTED = changed(TICKETS, {"column: council": "column: org.name", "column: resolved": "column: resolved.at"})


def test_json_lines_are_rows_and_a_path_of_names_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text(
        '{"number": 7, "org": {"name": "adur"}, "opened": "2026-03-27T16:59:00", "resolved": {"at": null}}\n'
        '\n{"number": 8, "org": {"name": "adur"}, "opened": "tomorrow"}\n[1]\n{"number": \n',
        encoding="utf-8",
    )

    replayed = replay_file(mapping_of(tmp_path, NESTED), path)

    assert replayed.timed == replay(tmp_path, TICKETS, HEADER + ROW).timed
    assert [rejected.line for rejected in replayed.rejected] == [3, 4, 5]


def test_a_name_that_no_line_of_json_has_is_told(tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text('{"number": 7, "org": {"nam": "adur"}, "opened": "2026-03-27T16:59:00"}\n', encoding="utf-8")

    with pytest.raises(UnreadableFile, match=r"no column 'org.name': did you mean org.nam\?"):
        replay_file(mapping_of(tmp_path, NESTED), path)


@pytest.mark.parametrize("content", ["", "\n\n", "{}\n", "17\n"])
def test_json_lines_without_any_object_are_no_export(content: str, tmp_path: Path) -> None:
    path = tmp_path / "export.jsonl"
    path.write_text(content, encoding="utf-8")

    with pytest.raises(UnreadableFile, match="the file is empty, or none of its lines is a JSON object"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


def test_one_json_array_is_told(tmp_path: Path) -> None:
    path = tmp_path / "export.json"
    path.write_text('[{"number": 7}]', encoding="utf-8")

    with pytest.raises(UnreadableFile, match="is one JSON array: write each object on a line of its own"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


@pytest.mark.parametrize("inner", ["export.csv", "folder/export.tsv"])
def test_the_one_file_in_a_zip_is_read(inner: str, tmp_path: Path) -> None:
    text = HEADER + ROW
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._export.csv", "x")
        archive.writestr(inner, text.replace(",", "\t") if inner.endswith("tsv") else text)

    assert replay_file(mapping_of(tmp_path, TICKETS), path).timed == replay(tmp_path, TICKETS, text).timed


def test_a_zip_of_several_files_names_them(tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", HEADER)
        archive.writestr("b.csv", HEADER)

    with pytest.raises(UnreadableFile, match=r"must hold one file; it holds a.csv, b.csv"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


@pytest.mark.parametrize("keep", [0, 30, 200, 600])
def test_a_zip_that_breaks_off_is_an_error_and_no_traceback(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", HEADER + "".join(f"{number}{ROW[1:]}" for number in range(2_000)))
    path.write_bytes(path.read_bytes()[:keep])

    with pytest.raises(UnreadableFile, match=r"^export.zip cannot be read: it is damaged, or not"):
        replay_file(mapping_of(tmp_path, TICKETS), path)


def test_an_old_workbook_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf")

    with pytest.raises(UnreadableFile, match=r"save it as .xlsx or as CSV"):
        replay_file(mapping_of(tmp_path, TICKETS), tmp_path / "a.xls")


def test_a_due_date_of_a_workbook_is_read_as_one(tmp_path: Path) -> None:
    mapping = changed(TICKETS, {"events:": "due: by\nevents:"})
    due = datetime(2026, 3, 30, 17, 0)  # noqa: DTZ001 (as above)
    rows: list[list[object]] = [[*COLUMNS, "by"], [7, "adur", "2026-03-27T16:59:00", None, due]]

    event = replay_file(mapping_of(tmp_path, mapping), workbook(tmp_path / "a.xlsx", ("S", rows))).only()

    assert isinstance(event, TicketOpened)
    assert event.data.due_at is not None
    assert event.data.due_at.isoformat() == "2026-03-30T16:00:00+00:00"
