"""A replay tells the truth: what it sent adds up, what is not applied is named, and it always comes to an end."""

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.command import app
from tests.support.replayed_exports import (
    AS_OF,
    CLOSED,
    HEADER,
    IN_TIME,
    LATE,
    OPEN,
    PRICED,
    TRIAL,
    answered,
    lines,
    replay,
    verdicts,
)
from tests.support.replays import ACTIVITIES, READINGS, TICKETS, changed

pytestmark = pytest.mark.usefixtures("unprinted_logs")


def test_a_statement_names_what_was_received_and_is_not_billed(tmp_path: Path) -> None:
    replay(tmp_path, READINGS + "unit: kilogram\n" + PRICED, "council,paid,lines\nadur,2026-03-02,5\n")

    printed = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path / "var"), "COLUMNS": "200"}).invoke(
        app, ["statement", "adur", "2026-03"]
    )

    reason = "The reading is in another unit than the service's."
    assert f"Not billed: 1 event of accounts-payable, 5 units. {reason}" in lines(printed)


def test_an_item_is_explained_by_the_number_that_its_export_has(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME.replace("1,", "J/1 b,", 1))

    explained = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path / "var")}).invoke(app, ["explain", "J/1 b"])

    assert (explained.exit_code, lines(explained)[0]) == (0, "j-1-b of adur, ict: judged")


def test_the_first_refused_row_is_named_with_its_reason(tmp_path: Path) -> None:
    result = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + "2,adur,27/03/2026,\n3,adur,28/03/2026,\n")

    assert "the first is line 3: opened: '27/03/2026' is not a time in ISO 8601, like 2026-03-27T16:59:00" in lines(
        result
    )


@pytest.mark.parametrize("option", ["--verdicts", "--rejects"])
@pytest.mark.parametrize("read", ["export.csv", "mapping.yaml", "names.csv"])
def test_no_file_that_is_written_is_one_that_is_read(option: str, read: str, tmp_path: Path) -> None:
    (tmp_path / "names.csv").write_text("a,b\n", encoding="utf-8")

    lookup = "--lookup", f"names={tmp_path / 'names.csv'}"
    result = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME, *lookup, option, str(tmp_path / read))

    assert result.exit_code == 2
    assert "would overwrite" in result.stderr
    kept = {"export.csv": HEADER + IN_TIME, "mapping.yaml": TICKETS + TRIAL, "names.csv": "a,b\n"}
    assert (tmp_path / read).read_text(encoding="utf-8") == kept[read]


def test_verdicts_and_refused_rows_are_two_files(tmp_path: Path) -> None:
    result = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME, "--rejects", str(tmp_path / "verdicts.csv"))

    assert (result.exit_code, "would overwrite" in result.stderr) == (2, True)


def test_what_explains_an_item_uses_the_instant_of_the_replay_and_says_so(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + OPEN, "--as-of", "2026-03-02T10:00:00Z")

    env = {"TALLYSTICK_VAR": str(tmp_path / "var"), "COLUMNS": "200"}
    explained = CliRunner(env=env).invoke(app, ["explain", "2", "--json"])

    assert "As of 2026-03-02T10:00:00Z, as the last replay into" in explained.stderr
    assert [each["verdict"] for each in answered(explained)["verdicts"]] == [verdicts(tmp_path)["adur:2"]["verdict"]]


def test_councils_and_services_that_nobody_loaded_are_named_and_not_called_out_of_scope(tmp_path: Path) -> None:
    rows = f"{IN_TIME}{OPEN}{CLOSED.replace('adur', 'worthing')}"

    result = replay(tmp_path, TICKETS, HEADER + rows)

    assert result.exit_code == 1
    assert "5 events = 0 applied + 5 parked" in lines(result)
    assert "not known: council 'adur' (2 items, parked): `tallystick load` adds it" in lines(result)
    assert "not known: council 'worthing' (1 item, parked): `tallystick load` adds it" in lines(result)
    assert "not-known: 3" in lines(result)
    assert "out-of-scope" not in result.stdout
    found = verdicts(tmp_path)
    assert {line["verdict"] for line in found.values()} == {"not-known"}
    assert found["worthing:2"]["note"] == "not known: council 'worthing'"


def test_a_service_that_nobody_loaded_is_named(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)

    result = replay(tmp_path, changed(TICKETS, {"{constant: ict}": "{constant: icy}"}), HEADER + CLOSED)

    assert result.exit_code == 1
    assert (
        "not known: service 'icy' (1 item, judged by no target, billed to nobody): `tallystick load` adds it"
        in lines(result)
    )
    assert verdicts(tmp_path)["adur:2"]["note"] == "not known: service 'icy'"


def test_what_waited_for_a_council_is_applied_once_it_is_loaded_and_then_already_known(tmp_path: Path) -> None:
    parked = replay(tmp_path, TICKETS, HEADER + IN_TIME)

    loaded = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)

    assert (parked.exit_code, loaded.exit_code) == (1, 0)
    assert "2 events = 0 applied + 2 already known" in lines(loaded)
    assert verdicts(tmp_path)["adur:1"]["verdict"] == "met"


def test_readings_of_councils_and_services_that_nobody_loaded_are_named(tmp_path: Path) -> None:
    result = replay(
        tmp_path, READINGS, "council,paid,lines\nleeds,2026-07-02,3\nleeds,2026-07-03,4\nhull,2026-07-02,1\n"
    )

    assert result.exit_code == 1
    assert "3 events = 0 applied + 3 parked" in lines(result)
    assert "not known: council 'leeds' (2 readings, parked): `tallystick load` adds it" in lines(result)
    assert "not known: council 'hull' (1 reading, parked): `tallystick load` adds it" in lines(result)


def test_an_item_that_lacks_a_refused_row_says_so_beside_its_verdict(tmp_path: Path) -> None:
    rows = "1,Work,2026-03-02T09:00:00\n1,Wait,9:30 am\n1,Work,2026-03-04T09:00:00\n1,Fix,2026-03-04T10:00:00\n"

    result = replay(tmp_path, ACTIVITIES + TRIAL, f"ticket,did,at\n{rows}2,Work,2026-03-02T09:00:00\n")

    assert result.exit_code == 1
    assert "1 item of which a row was refused: the verdict may be wrong" in [line.rstrip(":") for line in lines(result)]
    assert "1 of adur: line 3" in lines(result)
    assert {name: line["refused_rows"] for name, line in verdicts(tmp_path).items()} == {"adur:1": "3", "adur:2": ""}


def test_two_councils_with_one_id_have_a_verdict_each(tmp_path: Path) -> None:
    mapping = changed(ACTIVITIES, {"{constant: adur}": "{column: council}"})
    rows = "1,Work,2026-03-02T09:00:00,Adur\n1,Fix,2026-03-02T10:00:00,Adur\n1,Work,2026-03-02T09:00:00,Worthing\n"

    result = replay(tmp_path, mapping + TRIAL, f"ticket,did,at,council\n{rows}")

    assert result.exit_code == 0
    assert {name: line["verdict"] for name, line in verdicts(tmp_path).items()} == {
        "adur:1": "met",
        "worthing:1": "breached",
    }


def test_events_that_changed_nothing_are_counted_with_the_reason_and_an_item(tmp_path: Path) -> None:
    mapping = changed(ACTIVITIES, {", during: [open, paused]": "", ", during: [paused]": ""})
    rows = (
        "1,Work,2026-03-02T09:00:00\n1,Work,2026-03-02T10:00:00\n1,Fix,2026-03-02T11:00:00\n1,Fix,2026-03-02T12:00:00\n"
    )

    result = replay(tmp_path, mapping + TRIAL, f"ticket,did,at\n{rows}")

    assert result.exit_code == 0
    assert [line for line in lines(result) if line.startswith("without effect: ")] == [
        "without effect: resumed without a pause: 2: for example `tallystick explain 1 --council adur`",
        "without effect: stopped again after it was stopped: 1: for example `tallystick explain 1 --council adur`",
    ]


def test_days_across_the_changes_of_the_clocks_end_by_the_clocks_of_the_mappings_zone(tmp_path: Path) -> None:
    targets = "    - {id: fix, service: ict, measure: resolution-time, within: 4 hours}\n"
    of_days = "    - {id: in-DAYS, service: ict, measure: resolution-time, within: DAYS days}\n"
    in_days = changed(TRIAL, {targets: "".join(of_days.replace("DAYS", each) for each in "45")})
    # London's clocks change on Sun 29 March 2026 within the first, New York's on Sun 8 March within the second.
    rows = "1,a,2026-03-26T12:00:00,2026-03-31T11:30:00\n2,a,2026-03-06T12:00:00,2026-03-10T12:30:00\n"

    result = replay(tmp_path, changed(TICKETS, {"Europe/London": "America/New_York"}) + in_days, HEADER + rows)

    assert result.exit_code == 0
    with (tmp_path / "verdicts.csv").open(encoding="utf-8", newline="") as text:
        found = {(line["item"], line["target"]): (line["due_at"], line["verdict"]) for line in csv.DictReader(text)}
    assert found["1", "in-5"] == ("2026-03-31T16:00:00Z", "met")
    assert found["2", "in-4"] == ("2026-03-10T16:00:00Z", "breached")


def test_what_if_with_the_targets_that_hold_changes_nothing_as_of_the_replay(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + LATE + OPEN, "--as-of", "2026-03-02T10:00:00Z")
    draft = tmp_path / "draft.yaml"
    draft.write_text(
        "targets:\n  - {id: fix, service: ict, measure: resolution-time, within: 4 hours}\n", encoding="utf-8"
    )

    env = {"TALLYSTICK_VAR": str(tmp_path / "var"), "COLUMNS": "200"}
    months = "--from", "2026-03", "--to", "2026-04"
    found = CliRunner(env=env).invoke(app, ["what-if", str(draft), *months, "--json"])

    assert found.exit_code == 0, found.output
    assert "As of 2026-03-02T10:00:00Z" in found.stderr
    answer = json.loads(found.stdout)
    assert (answer["items"], answer["changed"], answer["listed"]) == (2, 0, [])


def test_the_verdict_file_is_in_the_same_order_whatever_that_of_the_export(tmp_path: Path) -> None:
    rows = [f"{number},{council},2026-03-02T09:00:00,\n" for number in ("10", "2", "1") for council in ("b", "a")]
    written: list[str] = []
    for order in (rows, rows[::-1]):
        folder = tmp_path / str(len(written))
        folder.mkdir()
        to = folder / "verdicts.csv"
        replay(folder, TICKETS + TRIAL, HEADER + "".join(order), "--as-of", AS_OF, "--verdicts", str(to))
        written.append(to.read_text(encoding="utf-8"))

    assert written[0] == written[1]
    lines = list(csv.DictReader(written[0].splitlines()))
    assert [(line["council"], line["item"], line["cycle"]) for line in lines] == [
        (council, number, "1") for council in ("a", "b") for number in ("1", "10", "2")
    ]
