"""A first mapping for an export: it runs as it is, or says what it could not decide."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner

from tallystick.command import app
from tallystick.replay.mapping import InvalidMapping
from tallystick.replay.suggested import Suggestion, suggest
from tests.support.replays import mapping_of, replay_file

TICKET_LIST = (
    "Ref,Customer,Urgency,Logged,Fixed,Target\nA-1,Adur,High,{first},,\nA-2,Worthing,Low,{second},{second},{second}\n"
)


def suggested(folder: Path, text: str, *, name: str = "Service desk.csv", encoding: str = "utf-8") -> Suggestion:
    (folder / name).write_bytes(text.encode(encoding))
    return suggest(folder / name, zone="Europe/London")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2026-06-29T09:00:00", "2026-06-30T10:00:00"),
        ("29/06/2026 09:00", "03/07/2026 10:00"),
        ("06/29/2026 09:00", "07/03/2026 10:00"),
        ("29/Jun/26 9:00 AM", "30/Jun/26 4:30 PM"),
        ("29-Jun-26", "30-Jun-26"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_suggested_mapping_runs_as_it_is(first: str, second: str, separator: str, tmp_path: Path) -> None:
    text = TICKET_LIST.format(first=first, second=second).replace(",", separator)

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv")
    assert replayed.rejected == []
    assert sorted(replayed.names) == ["opened", "opened", "resolved"]
    assert {timed.key for timed in replayed.timed} == {"adur:A-1", "worthing:A-2"}


def test_another_encoding_is_found_out(tmp_path: Path) -> None:
    text = TICKET_LIST.format(first="2026-06-29T09:00:00", second="2026-06-30T10:00:00").replace("Adur", "Ynys Môn")

    found = suggested(tmp_path, text, encoding="cp1252")

    assert "encoding: cp1252" in found.text
    assert replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv").rejected == []


def test_dates_that_may_be_either_way_round_are_not_guessed(tmp_path: Path) -> None:
    found = suggested(tmp_path, TICKET_LIST.format(first="03/04/2026 09:00", second="05/06/2026 10:00"))

    assert found.undecided == ("whether days or months come first: %d/%m/%Y %H:%M or %m/%d/%Y %H:%M read all 4 times",)
    with pytest.raises(InvalidMapping, match="'UNDECIDED' is no form of times"):
        mapping_of(tmp_path, found.text)


def test_a_file_without_a_time_of_opening_says_which_columns_there_are(tmp_path: Path) -> None:
    found = suggested(tmp_path, "Ref,Colour\n1,red\n2,blue\n")

    assert found.undecided == ("which column is the time of opening: Ref, Colour",)


def test_a_column_that_repeats_itself_is_no_id(tmp_path: Path) -> None:
    found = suggested(tmp_path, "Ref,Opened\n1,2026-06-29\n1,2026-06-30\n")

    assert "# item: no column of ids was found" in found.text


def test_the_command_prints_the_mapping_or_writes_it_and_never_over_a_file(tmp_path: Path) -> None:
    export, to = tmp_path / "export.csv", tmp_path / "mine.yaml"
    export.write_text(TICKET_LIST.format(first="2026-06-29T09:00:00", second="2026-06-30T10:00:00"), encoding="utf-8")

    printed = CliRunner().invoke(app, ["map", str(export)])
    written = CliRunner().invoke(app, ["map", str(export), "--to", str(to)])
    again = CliRunner().invoke(app, ["map", str(export), "--to", str(to)])

    assert (printed.exit_code, written.exit_code, again.exit_code) == (0, 0, 2)
    assert to.read_text(encoding="utf-8") == printed.stdout


FINANCE_QUEUE = """\
Street scene cases;;;;;;
Case ref;Raised by authority;Date raised;Time raised;On hold from;Date fixed;Fix by
SC1;Adur;11/06/2026;09:19;;27/06/2026 12:19;16/06/2026 09:19
SC2;Worthing;04/06/2026;04:01;05/06/2026 09:00;;09/06/2026 04:01
Total;;;;;;
"""


def test_a_title_above_a_total_below_and_times_in_two_columns_are_found_out(tmp_path: Path) -> None:
    found = suggested(tmp_path, FINANCE_QUEUE)

    assert found.undecided == ()
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv")
    assert replayed.rejected == []
    assert sorted(replayed.names) == ["opened", "opened", "resolved"]
    assert {timed.key for timed in replayed.timed} == {"adur:SC1", "worthing:SC2"}
    assert min(event.time.isoformat() for event in replayed.events) == "2026-06-04T03:01:00+00:00"
    assert '# - {event: paused, column: "On hold from"' in found.text


def test_columns_of_dates_and_of_times_have_a_form_each(tmp_path: Path) -> None:
    text = "Ref,Council,Opened,Closed\n1,Adur,29/06/2026 09:00,30/06/2026\n2,Adur,03/07/2026 10:00,\n"

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    assert 'time_format: ["%d/%m/%Y %H:%M", "%d/%m/%Y"]' in found.text
    assert replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv").rejected == []


def test_what_one_column_shows_of_days_and_months_holds_for_the_others(tmp_path: Path) -> None:
    text = "Ref,Council,Opened,Closed\n1,Adur,03/04/2026 09:00,30/06/2026 10:00\n2,Adur,05/06/2026 10:00,\n"

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    assert 'time_format: "%d/%m/%Y %H:%M"' in found.text


def test_dates_that_may_be_either_way_round_in_every_column_are_not_guessed(tmp_path: Path) -> None:
    text = "Ref,Council,Opened,Closed\n1,Adur,03/04/2026 09:00,05/06/2026\n2,Adur,05/06/2026 10:00,\n"

    found = suggested(tmp_path, text)

    assert found.undecided
    assert "whether days or months come first" in found.undecided[0]


@pytest.mark.parametrize(
    ("first", "second", "form"),
    [
        ("27/03/2026 16:59", "02/04/2026 09:00", '"%d/%m/%Y %H:%M"'),
        ("03/27/2026 04:59 PM", "04/02/2026 09:00 AM", '"%m/%d/%Y %I:%M %p"'),
        ("27/03/2026, 16:59:07", "02/04/2026, 09:00:00", '"%d/%m/%Y, %H:%M:%S"'),
        ("27.03.26 16:59", "02.04.26 09:00", '"%d.%m.%y %H:%M"'),
        ("27 March 2026 16:59", "02 April 2026 09:00", '"%d %B %Y %H:%M"'),
        ("Mar 27, 2026 4:59 p.m.", "Apr 02, 2026 9:00 a.m.", '"%b %d, %Y %I:%M %p"'),
        ("27/03/2026 16:59 +0100", "02/04/2026 09:00 +01:00", '"%d/%m/%Y %H:%M %z"'),
        ("27/03/2026 16:59 GMT", "02/04/2026 09:00 BST", '"%d/%m/%Y %H:%M %Z"'),
        ("27/03/2026  16:59", "02/04/2026  09:00", '"%d/%m/%Y %H:%M"'),
        ("1774630740", "1775120400", '"epoch-seconds"'),
        ("1774630740000", "1775120400000", '"epoch-milliseconds"'),
    ],
)
def test_the_form_of_times_is_found_out(first: str, second: str, form: str, tmp_path: Path) -> None:
    text = "Ref;Council;Opened;Closed\n" + "".join(
        f"{number};Adur;{at};\n" for number, at in enumerate((first, second))
    )

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    assert f"time_format: {form}\n" in found.text
    assert replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv").rejected == []


def test_the_cell_that_shows_the_order_of_days_and_months_is_named(tmp_path: Path) -> None:
    found = suggested(tmp_path, TICKET_LIST.format(first="03/04/2026 09:00", second="27/06/2026 10:00"))

    assert "'27/06/2026 10:00' shows that days come first" in found.text


def test_words_that_mean_blank_are_found_where_times_are_missing(tmp_path: Path) -> None:
    found = suggested(
        tmp_path, "Ref,Council,Opened,Resolved\n1,Adur,2026-06-29 09:00,NULL\n2,Adur,2026-06-30 09:00,-\n"
    )

    assert 'blank: ["-", "NULL"]' in found.text
    assert replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv").rejected == []


def test_a_few_times_that_are_none_are_named_and_do_not_hide_the_form(tmp_path: Path) -> None:
    rows = "".join(f"{number},Adur,27/06/2026 09:{number:02},\n" for number in range(20))

    found = suggested(tmp_path, f"Ref,Council,Opened,Closed\n{rows}20,Adur,soon,\n")

    assert found.undecided == ()
    assert "1 of them is not and is refused, for example 'soon'" in found.text


def test_the_surest_name_and_the_fullest_column_is_the_opening(tmp_path: Path) -> None:
    text = (
        "Issue id,Reopened,Created by,sys_created_on,First response,Resolved,Closed,Resolution due\n"
        "1,,Anna,2026-06-29T09:00:00,2026-06-29T09:30:00,2026-06-29T10:00:00,2026-07-02T10:00:00,2026-06-30T09:00:00\n"
        "2,2026-07-01T09:00:00,Bob,2026-06-29T11:00:00,,,,\n"
    )

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    events = [line.strip() for line in found.text.splitlines() if line.startswith("  - {event")]
    assert events == [
        '- {event: opened, column: "sys_created_on"}',
        '- {event: responded, column: "First response"}',
        '- {event: resolved, column: "Resolved"}',
        '- {event: closed, column: "Closed"}',
    ]
    assert 'due: "Resolution due"' in found.text
    assert "# other columns of times: Reopened" in found.text


def test_an_export_of_spending_is_readings(tmp_path: Path) -> None:
    text = (
        "Body Name,Payment Date,Supplier,Net Amount,Transaction Number\n"
        'Adur,27/04/2026,Alpha,"£1,234.50",501\nWorthing,02/05/2026,Beta,(12.30),502\nTotal,,,"£1,222.20",\n'
    )

    found = suggested(tmp_path, text, name="spend.csv")

    assert found.undecided == ()
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "spend.csv")
    assert replayed.names == ["recorded"]
    assert [each.line for each in replayed.rejected] == [3]  # a credit adjusts a reading, and the file says none
    assert replayed.counts.unaccounted == 0


def test_an_id_that_a_few_rows_repeat_stays_one_and_the_mapping_says_so(tmp_path: Path) -> None:
    found = suggested(tmp_path, "Ref,Opened\n1,2026-06-29\n2,2026-06-30\n2,2026-07-01\n")

    assert 'item: "Ref"   # 1 row repeats one: refused, unless you add `repeated: last`' in found.text


def test_lines_of_json_are_read_with_their_inner_names_and_epochs(tmp_path: Path) -> None:
    line = '{{"id": "{id}", "org": {{"name": "{org}"}}, "created": 1774600000000, "closed": {closed}}}\n'
    text = line.format(id="a", org="Adur", closed="1774603600000") + line.format(id="b", org="Worthing", closed="null")

    found = suggested(tmp_path, text, name="cases.jsonl")

    assert found.undecided == ()
    assert 'time_format: "epoch-milliseconds"' in found.text
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "cases.jsonl")
    assert {timed.key for timed in replayed.timed} == {"adur:a", "worthing:b"}
    assert sorted(replayed.names) == ["opened", "opened", "resolved"]


def test_of_a_workbook_the_sheet_with_most_rows_is_taken(tmp_path: Path) -> None:
    workbook = Workbook()
    about = workbook.active
    assert about is not None
    about.append(["Export of the service desk"])
    workbook.create_sheet("Empty")
    tickets = workbook.create_sheet("Tickets")
    for row in (["Ref", "Council", "Opened", "Closed"], [1, "Adur", "2026-03-02T09:00:00", None]):
        tickets.append(row)
    workbook.save(tmp_path / "export.xlsx")

    found = suggest(tmp_path / "export.xlsx", zone="Europe/London")

    assert (found.undecided, 'sheet: "Tickets"' in found.text) == ((), True)
    assert replay_file(mapping_of(tmp_path, found.text), tmp_path / "export.xlsx").names == ["opened"]


def test_a_length_of_time_says_when_an_item_was_resolved_where_no_column_does(tmp_path: Path) -> None:
    text = "Ref,Borough,Reported,Time to fix\n1,Adur,2026-03-02T09:00:00,1d 2h\n2,Adur,2026-03-02T10:00:00,\n"

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv")
    assert sorted(replayed.names) == ["opened", "opened", "resolved"]
    assert max(event.time for event in replayed.events) == datetime(2026, 3, 3, 11, tzinfo=UTC)


def test_a_file_in_which_nothing_says_when_items_were_resolved_is_not_taken_for_one_in_which_all_are_open(
    tmp_path: Path,
) -> None:
    found = suggested(tmp_path, "Ref,Council,Opened\n1,Adur,2026-06-29\n")

    assert found.undecided == (
        "when items were resolved: no column is called so, and without one every item stays open",
    )


def test_ids_that_come_again_with_a_step_and_a_time_are_a_history(tmp_path: Path) -> None:
    rows = (
        f"{item},Adur,{step},2026-03-0{day}T09:00:00\n"
        for item in (1, 2)
        for day, step in enumerate(("Received", "Paid"), 1)
    )

    found = suggested(tmp_path, "Invoice,Council,Step,When\n" + "".join(rows))

    assert found.undecided == ("what Step means: which of its values pause, resume and resolve an item",)
    assert ("rows: event" in found.text, '#   "Received": 2 rows' in found.text) == (True, True)
    decided = found.text.replace("resolved, activity: [UNDECIDED]", "resolved, activity: [Paid]")
    replayed = replay_file(mapping_of(tmp_path, decided), tmp_path / "Service desk.csv")
    assert (replayed.rejected, sorted(replayed.names)) == ([], ["opened", "opened", "resolved", "resolved"])


def test_a_ledger_of_dates_and_amounts_is_readings_without_its_totals(tmp_path: Path) -> None:
    text = (
        "Voucher,Body,Service,Posting date,Net amount\n"
        'V1,Adur,Legal,02-Mar-26,"£1,200.50"\nSub-total,,,,"£1,200.50"\n'
        "V2,Adur,Legal,30-Mar-26,£9.00\nSub-total,,,,£9.00\nTotal,,,,£0.00\n"
    )

    found = suggested(tmp_path, text)

    assert found.undecided == ()
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv")
    assert (replayed.rejected, replayed.names) == ([], ["recorded", "recorded"])
    assert 'reading: "Voucher"' in found.text


def test_a_first_answer_is_a_response_and_columns_that_are_not_read_are_named(tmp_path: Path) -> None:
    text = "Ref,Council,Opened,First response,Closed,Colour\n1,Adur,2026-06-29,2026-06-30,2026-07-01,red\n"

    found = suggested(tmp_path, text)

    assert "# Columns that are not read, and so are stored nowhere: Colour" in found.text
    replayed = replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv")
    assert replayed.names == ["opened", "responded", "resolved"]


def test_a_customer_is_taken_for_a_person_where_another_column_names_the_organisation(tmp_path: Path) -> None:
    text = "Ref,Customer,Organization,Opened,Closed\n1,J. Doe,Adur,2026-06-29,\n"

    found = suggested(tmp_path, text)

    assert 'council: {column: "Organization"}' in found.text
    assert "are not read, and so are stored nowhere: Customer" in found.text


def test_dates_of_two_forms_in_one_column_are_not_guessed(tmp_path: Path) -> None:
    text = "Voucher,Body,Date,Net amount\n1,Adur,02/04/2026,5\n2,Adur,2026-04-30,7\n"

    found = suggested(tmp_path, text)

    assert "rows: reading" in found.text
    assert found.undecided == ("by which form times are read: for example '2026-04-30'",)


def test_a_columns_name_cannot_add_lines_to_the_mapping(tmp_path: Path) -> None:
    header = 'Ref,"Raised\nwhere: []",Council,"Opened\nignore: [x]",Fixed,"Colour\nzone: UTC"\n'
    text = f"{header}1,2026-06-28,Adur,2026-06-29,,red\n"

    found = suggested(tmp_path, text)

    names = {line.split(":")[0] for line in found.text.splitlines() if line and not line.startswith((" ", "#"))}
    assert names == {"source", "rows", "kind", "zone", "item", "council", "service", "events", "trial"}
    assert found.text.count("\nzone: ") == 1
    assert replay_file(mapping_of(tmp_path, found.text), tmp_path / "Service desk.csv").rejected == []
