"""A later export of the same source: only what differs is sent, and what it changes is shown."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tallystick.command import app
from tests.support.real_data import steady
from tests.support.replayed_exports import (
    BILLED,
    CLOSED,
    FLOOD,
    HEADER,
    IN_TIME,
    LATE,
    OPEN,
    PRICED,
    TRIAL,
    answered,
    lines,
    records_of,
    replay,
    verdicts,
)
from tests.support.replays import READINGS, TICKETS, changed

pytestmark = pytest.mark.usefixtures("unprinted_logs")


def answer_on_the_page() -> str:
    """What docs/replay.md shows as the answer to a changed export."""
    page = (Path(__file__).parents[2] / "docs/replay.md").read_text(encoding="utf-8")
    return page.partition("```answer\n")[2].partition("```")[0]


def test_a_second_export_sends_what_changed_and_the_answer_says_what_came_of_it(tmp_path: Path) -> None:
    first = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)
    second = replay(tmp_path, TICKETS + TRIAL, HEADER + LATE + CLOSED)

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "3 events = 3 applied" in lines(first)
    assert steady(second.stdout) == steady(answer_on_the_page())
    found = verdicts(tmp_path)
    assert {name: line["verdict"] for name, line in found.items()} == {"adur:1": "breached", "adur:2": "met"}


def test_a_dry_run_answers_what_the_replay_then_does_and_changes_nothing(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)
    before = (tmp_path / "verdicts.csv").read_bytes(), records_of(tmp_path)

    tried = answered(replay(tmp_path, TICKETS + TRIAL, HEADER + LATE + CLOSED, "--dry-run", "--json"))
    assert records_of(tmp_path) == before[1]
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)
    assert (tmp_path / "verdicts.csv").read_bytes() == before[0]
    done = answered(replay(tmp_path, TICKETS + TRIAL, HEADER + LATE + CLOSED, "--json"))

    for answer in (tried, done):
        del answer["dry_run"], answer["seconds"]
    assert tried == done
    assert done["verdict_changes"] == [
        {"target": "fix", "before": "breached", "after": "met", "items": 1, "example": "2 of adur"},
        {"target": "fix", "before": "met", "after": "breached", "items": 1, "example": "1 of adur"},
    ]


def test_an_export_as_of_an_earlier_instant_changes_nothing_that_a_later_one_said(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + LATE)

    older = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + CLOSED, "--as-of", "2026-07-01T00:00:00Z")

    assert "4 events = 2 applied + 2 not sent" in lines(older)
    assert "not sent: 1 item of which an export as of a later instant was replayed" in lines(older)
    assert {name: line["verdict"] for name, line in verdicts(tmp_path).items()} == {
        "adur:1": "breached",
        "adur:2": "met",
    }


def test_what_changes_of_a_frozen_month_is_shown_as_an_adjustment(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)

    changes = replay(tmp_path, TICKETS + TRIAL, HEADER + LATE)
    again = replay(tmp_path, TICKETS + TRIAL, HEADER + LATE)

    assert "  1 verdict of a frozen month: shown as adjustments of 2026-08" in changes.stdout.splitlines()
    assert "frozen month" not in again.stdout


def test_what_changes_of_an_issued_month_is_shown_as_a_correction_with_its_pence(tmp_path: Path) -> None:
    priced = changed(READINGS, {"date: paid": "date: paid\nreading: number"}) + PRICED
    header = "number,council,paid,lines\n"
    replay(tmp_path, priced, f"{header}A1,leeds,2026-04-01,100\nA2,leeds,2026-05-01,100\n")
    env = {"TALLYSTICK_VAR": str(tmp_path / "var"), "COLUMNS": "200"}
    shown = CliRunner(env=env).invoke(app, ["close-month", "2026-04", "--json"])
    approving = "--approve", answered(shown)["digest"], "--reason", "looked at"
    assert CliRunner(env=env).invoke(app, ["close-month", "2026-04", *approving]).exit_code == 0

    later = f"{header}A1,leeds,2026-04-01,900\nA2,leeds,2026-05-01,200\n"
    for options in (("--dry-run",), ()):
        printed = replay(tmp_path, priced, later, *options).stdout.splitlines()
        issued = "  leeds 2026-04: £1.00 → £9.00: issued, and stays as it is: a later document corrects it by +£8.00"
        assert issued in printed
        assert {"  leeds 2026-05: £1.00 → £2.00", "  recharges: +£9.00"} <= set(printed)
    kept = json.loads(CliRunner(env=env).invoke(app, ["statement", "leeds", "2026-04", "--json"]).stdout)
    assert (kept["status"], kept["total_pence"]) == ("issued", 100)


def test_more_items_go_from_a_complete_export_only_when_exactly_that_is_approved(tmp_path: Path) -> None:
    mapping = changed(TICKETS, {"rows: item": "rows: item\ncomplete: {from: 2026-03-01, to: 2026-04-01}"}) + TRIAL
    replay(tmp_path, mapping, HEADER + IN_TIME + CLOSED)

    asked = replay(tmp_path, mapping, HEADER + CLOSED)
    assert (asked.exit_code, records_of(tmp_path)) == (2, 4)
    digest = asked.stderr.partition("--approve ")[2].split()[0]
    wrong = replay(tmp_path, mapping, HEADER + CLOSED, "--approve", "0" * 64, "--reason", "clean-up")
    assert (wrong.exit_code, records_of(tmp_path)) == (2, 4)
    done = replay(tmp_path, mapping, HEADER + CLOSED, "--approve", digest, "--reason", "clean-up")

    assert done.exit_code == 0
    assert "1 item gone of 2 in the span for which it is complete" in lines(done)
    assert records_of(tmp_path) == 6
    approvals = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path / "var")}).invoke(app, ["approvals"])
    assert digest[:16] in approvals.stdout


def test_what_the_log_holds_and_the_services_have_applied_is_not_sent_again(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)
    before = (tmp_path / "verdicts.csv").read_bytes()

    again = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)

    assert (again.exit_code, records_of(tmp_path)) == (0, 3)
    assert "3 events = 0 applied + 3 already known" in lines(again)
    assert (tmp_path / "verdicts.csv").read_bytes() == before
    grown = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + CLOSED)
    assert (grown.exit_code, records_of(tmp_path)) == (0, 4)
    assert "4 events = 1 applied + 3 already known" in lines(grown)


def test_a_used_folder_is_no_part_of_the_count_of_a_replay(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)

    other = answered(replay(tmp_path, TICKETS + TRIAL, HEADER + CLOSED, "--json"))
    again = answered(replay(tmp_path, TICKETS + TRIAL, HEADER + CLOSED, "--json"))

    counts = ("sent", "others", "applied", "known", "quarantined", "parked", "unread")
    assert [other["events"][name] for name in counts] == [2, 0, 2, 0, 0, 0, 0]
    assert [again["events"][name] for name in counts] == [2, 0, 0, 2, 0, 0, 0]
    assert other["verdicts"] == again["verdicts"] == {"met": 1}
    assert (other["complete"], again["complete"]) == (True, True)
    assert verdicts(tmp_path).keys() == {"adur:2"}


def test_a_second_months_readings_count_whatever_their_files_are_called(tmp_path: Path) -> None:
    header = "council,paid,lines\n"
    replay(tmp_path, READINGS + BILLED, f"{header}leeds,2026-04-01,100\nleeds,2026-04-02,100\n")

    result = replay(
        tmp_path, READINGS + BILLED, f"{header}leeds,2026-05-01,700\nleeds,2026-04-02,100\nleeds,2026-05-03,7\n"
    )

    assert result.exit_code == 0
    assert "3 events = 2 applied + 1 already known" in lines(result)


def test_twelve_changed_tickets_of_a_partition_are_changes_and_no_flood(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + "".join(FLOOD))

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + "".join(FLOOD).replace("T09:00:00", "T09:30:00"))

    assert result.exit_code == 0
    assert "24 events = 24 applied" in lines(result)
