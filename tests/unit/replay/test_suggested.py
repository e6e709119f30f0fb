"""A first mapping for an export: it runs as it is, or says what it could not decide."""

from pathlib import Path

import pytest
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
