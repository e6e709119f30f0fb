"""`tallystick backfill`: a dry run first, then exactly that for real, and no difference ever after."""

import asyncio
import json
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from shared.clock import WallClock
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS, TOPICS, USAGE, VERDICTS, WORK
from tallystick.backfill import pages, run
from tallystick.command import app
from tallystick.replay import scratch
from tallystick.stack import exclusive_use, open_stack
from tests.support.backfills import LATE, LIVE, READING, backfill, file_of, message, output_of, work
from tests.support.log_reading import record_counts
from tests.support.monitoring import ticket
from tests.support.replays import TICKETS as TICKET_MAPPING
from tests.support.state_folder import content_of, statements

MONTHS = ["2026-03", "2026-04"]
APPROVAL = ("--reason", "the desk's export of March", "--actor", "ada")
PROVIDERS = {TICKETS.name, WORK.name, USAGE.name}


def ends(folder: Path) -> Counter[str]:
    """How many records each topic holds, but for marks."""

    async def read() -> Counter[str]:
        async with open_stack(folder, clock=WallClock()) as stack:
            return await record_counts(stack.bus, TOPICS)

    return asyncio.run(read())


def report(folder: Path, file: Path, *arguments: str) -> Any:
    """The report for programs, of a run that ended well."""
    return json.loads(output_of(folder, file, "--json", *arguments))


def totals(folder: Path) -> dict[tuple[str, str], int]:
    """What each council would pay, by council and month."""
    return {(each.council.id, str(each.month)): each.total_pence for each in statements(folder, MONTHS)}


def holding(folder: Path) -> dict[tuple[Any, ...], str]:
    """The verdicts that hold, by council, item, target and cycle."""
    return {(row[0], row[1], row[4], row[5]): row[9] for row in content_of(folder, MONTHS).verdicts}


@pytest.fixture(scope="module")
def running_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("running_folder")
    work(folder, [(TICKETS, event) for event in LIVE])
    return folder


@pytest.fixture
def folder(running_folder: Path, tmp_path: Path) -> Path:
    """A folder whose services have seen one ticket of ten days, and nothing of its pause."""
    return shutil.copytree(running_folder, tmp_path / "var")


def test_what_the_dry_run_shows_comes_true_to_the_verdict_and_the_penny(folder: Path, tmp_path: Path) -> None:
    file = file_of(tmp_path, [*LATE, READING, LIVE[0]])
    log, pounds, verdicts = ends(folder), totals(folder), holding(folder)

    found = report(folder, file)
    assert (ends(folder), totals(folder), holding(folder)) == (log, pounds, verdicts)
    output_of(folder, file, "--approve", found["digest"], *APPROVAL)
    work(folder)

    grown, changes = ends(folder) - log, found["changes"]
    differing, deltas = changes["verdict_changes"]["verdicts"], changes["statement_deltas"]
    assert {name: grown[name] for name in PROVIDERS} == {TICKETS.name: 7, WORK.name: 0, USAGE.name: 1}
    assert grown[VERDICTS.name] == len(differing) + changes["verdict_changes"]["warnings"] > 10
    assert holding(folder) == verdicts | {
        (each["council"], each["item"], each["target"], each["cycle"]): each["now"] for each in differing
    }
    assert pounds | {(each["council"], each["month"]): each["after_pence"] for each in deltas} == totals(folder)
    assert {(each["council"], each["month"]): each["before_pence"] for each in deltas}.items() <= pounds.items()
    assert {each["council"] for each in deltas} == {"adur", "worthing"}
    assert [each["was"] for each in differing if each["item"] == "seen"] == ["breached"]


def test_a_second_run_finds_no_difference_and_sends_nothing(folder: Path, tmp_path: Path) -> None:
    file = file_of(tmp_path, LATE)
    digest = report(folder, file)["digest"]
    output_of(folder, file, "--approve", digest, *APPROVAL)
    work(folder)
    log = ends(folder)

    again = output_of(folder, file, "--approve", digest, *APPROVAL)
    work(folder)

    assert "No difference: there is nothing to send." in again
    assert ends(folder) == log


def test_what_is_not_what_was_shown_is_not_sent(folder: Path, tmp_path: Path) -> None:
    file = file_of(tmp_path, LATE)
    digest = report(folder, file)["digest"]
    work(folder, [(TICKETS, LATE[0])])
    log = ends(folder)

    refused = backfill(folder, file, "--approve", digest, *APPROVAL)

    assert refused.exit_code == 2
    assert digest not in refused.output
    assert report(folder, file)["digest"] in refused.output
    assert ends(folder) == log


def test_two_runs_of_the_same_world_have_the_same_digest_whatever_the_order_of_the_file(
    folder: Path, tmp_path: Path
) -> None:
    forwards = report(folder, file_of(tmp_path, [*LATE, READING]))
    backwards = report(folder, file_of(tmp_path, [READING, *reversed(LATE)]))

    assert forwards == backwards


def test_an_invalid_event_is_reported_and_not_sent(folder: Path, tmp_path: Path) -> None:
    other = ticket(("Mon 2026-03-02 09:00", "opened"), item="seen", service="payroll")
    twice = ticket(("Tue 2026-03-03 09:00", "opened"), item="kept", service="payroll")
    ahead = ticket(("Sun 2090-01-01 09:00", "opened"), item="ahead")
    raw = [b"{", b'{"type": "x"}', encode_event(other[0]), encode_event(twice[0]), encode_event(ahead[0])]
    file = file_of(tmp_path, LATE[:2], *raw)

    found = report(folder, file)

    assert Counter(each["reason"] for each in found["refused"]) == {
        "UNREADABLE": 1,
        "UNKNOWN_TYPE": 1,
        "ID_REUSE_CONFLICT": 2,
        "FUTURE_TIME": 1,
    }
    assert found["changes"]["events"] == {"tallystick.ticket.opened.v1": 1, "tallystick.ticket.resolved.v1": 1}
    assert found["digest"] == report(folder, file_of(tmp_path, LATE[:2]))["digest"]


def test_who_approved_what_when_and_why_is_kept(folder: Path, tmp_path: Path) -> None:
    file = file_of(tmp_path, LATE)
    digest = report(folder, file)["digest"]

    output_of(folder, file, "--approve", digest, *APPROVAL)

    listed = CliRunner(env={"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"}).invoke(app, ["approvals"]).output
    (line,) = [line.split("  ") for line in listed.splitlines()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", line[0])
    assert line[1:] == ["backfill missing.ndjson", "7", digest[:16], "billing", "ada: the desk's export of March"]


def test_events_of_a_council_that_nobody_knows_wait_and_change_nothing(folder: Path, tmp_path: Path) -> None:
    found = report(folder, file_of(tmp_path, ticket(("Tue 2026-03-03 09:00", "opened"), council="unheard-of")))

    assert (found["changes"]["parked"], found["changes"]["statement_deltas"]) == (1, [])
    assert found["changes"]["verdict_changes"] == {"verdicts": [], "warnings": 0}


def test_an_export_with_a_mapping_is_filled_in_alike(folder: Path, tmp_path: Path) -> None:
    file, mapping = tmp_path / "export.csv", tmp_path / "desk.yaml"
    file.write_text(
        "number,council,opened,resolved\nT9,adur,2026-03-03T09:00,2026-03-03T10:00\nT8,,2026-03-03T09:00,\n"
    )
    mapping.write_text(TICKET_MAPPING)

    found = report(folder, file, "--mapping", str(mapping))

    assert sum(found["changes"]["events"].values()) == 2
    assert [(each["where"], each["reason"]) for each in found["refused"]] == [("line 3", "ROW")]
    assert {each["now"] for each in found["changes"]["verdict_changes"]["verdicts"]} == {"met"}


def test_a_later_export_shows_what_it_withdraws_and_does_exactly_that(folder: Path, tmp_path: Path) -> None:
    file, mapping = tmp_path / "export.csv", tmp_path / "desk.yaml"
    mapping.write_text(TICKET_MAPPING)
    rows = "number,council,opened,resolved\nT9,adur,2026-03-03T09:00,{}\n"
    given = ("--mapping", str(mapping))
    for resolved in ("2026-03-03T10:00", "2026-03-23T10:00"):
        file.write_text(rows.format(resolved))
        found = report(folder, file, *given)
        output_of(folder, file, *given, "--approve", found["digest"], *APPROVAL)
        work(folder)

    changes = found["changes"]
    assert changes["events"] == {"tallystick.item.fact-withdrawn.v1": 1, "tallystick.ticket.resolved.v1": 1}
    assert found["known"] == 1
    assert {(each["was"], each["now"]) for each in changes["verdict_changes"]["verdicts"]} == {("met", "breached")}
    assert "No difference: there is nothing to send." in output_of(folder, file, *given)


def test_in_a_folder_where_nobody_runs_the_services_a_backfill_does_before_and_after(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    assert CliRunner(env={"TALLYSTICK_VAR": str(folder)}).invoke(app, ["load", "adur-worthing"]).exit_code == 0
    file = file_of(tmp_path, LATE)

    found = report(folder, file)
    sent = output_of(folder, file, "--approve", found["digest"], *APPROVAL)

    assert found["changes"]["verdict_changes"]["verdicts"]
    assert "events sent." in sent
    assert {item for _, item, *_ in holding(folder)} >= {"kept", "missed"}


def test_a_replayed_folder_is_filled_in_as_of_its_replay(tmp_path: Path) -> None:
    """What falls due between the replay's instant and the present is open, before and after."""
    folder, export, mapping = tmp_path / "var", tmp_path / "export.csv", tmp_path / "desk.yaml"
    mapping.write_text(TICKET_MAPPING)
    export.write_text("number,council,opened,resolved\nT1,adur,2026-03-03T09:00,2026-03-03T10:00\n")
    run = CliRunner(env={"TALLYSTICK_VAR": str(folder)})
    assert run.invoke(app, ["load", "adur-worthing"]).exit_code == 0
    replayed = ["replay", str(export), "--mapping", str(mapping), "--as-of", "2026-03-05T09:00:00Z"]
    assert run.invoke(app, replayed).exit_code == 0
    before = holding(folder)
    file = file_of(tmp_path, ticket(("Wed 2026-03-04 16:00", "opened"), item="young"))

    found = report(folder, file)
    output_of(folder, file, "--approve", found["digest"], *APPROVAL)

    assert found["changes"]["events"] == {"tallystick.ticket.opened.v1": 1}
    assert found["changes"]["verdict_changes"]["verdicts"] == []
    assert holding(folder) == before


def test_there_is_no_report_while_the_services_are_behind(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def published() -> None:
        async with open_stack(folder, clock=WallClock()) as stack:
            await stack.bus.publish(TICKETS.name, [message(LATE[0])])

    asyncio.run(published())
    monkeypatch.setattr(run, "PATIENCE_S", 0)

    with exclusive_use(folder):  # where somebody else runs the services, and they do nothing
        refused = backfill(folder, file_of(tmp_path, LATE))

    assert refused.exit_code == 3
    assert re.search(r"still to ingest 2 records", refused.output)  # of the monitor and of billing
    assert re.search(r"the monitor 1 record \(of provider\.tickets\.v1/\d+: 1\), billing 1 record", refused.output)


def test_in_pages_of_one_item_a_backfill_is_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = file_of(tmp_path, [*LATE, *LATE, READING])
    whole = report(folder, file)
    monkeypatch.setattr(pages, "PAGE", 1)
    monkeypatch.setattr(scratch, "_RUN", 2)

    assert report(folder, file) == whole
    assert whole["known"] == len(LATE)
    output_of(folder, file, "--approve", whole["digest"], *APPROVAL)
    work(folder)
    assert report(folder, file)["changes"]["events"] == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"number,council,opened,resolved\n1,adur,2026-03-03T09:00,\n", "no line is an event; is this a CSV?"),
        (b"\x93\x07\xff\n\x00\xfe", "no line is an event"),
        (b'{"type": "x"}\n', "no line is an event"),
    ],
    ids=["empty", "blank", "csv", "random bytes", "json"],
)
def test_a_file_without_any_event_is_refused(folder: Path, tmp_path: Path, content: bytes, sentence: str) -> None:
    file = tmp_path / "export"
    file.write_bytes(content)

    refused = backfill(folder, file)

    assert (refused.exit_code, refused.stdout, sentence in refused.stderr) == (2, "", True)
    assert ("Give --mapping" in refused.stderr) == ("no line" in sentence)


def test_an_export_of_which_no_row_makes_an_event_is_refused(folder: Path, tmp_path: Path) -> None:
    file, mapping = tmp_path / "export.csv", tmp_path / "desk.yaml"
    file.write_text("number,council,opened,resolved\nT8,,2026-03-03T09:00,\n")
    mapping.write_text(TICKET_MAPPING)

    refused = backfill(folder, file, "--mapping", str(mapping))

    assert (refused.exit_code, "no row makes an event (line 2: " in refused.stderr) == (2, True)


@pytest.mark.parametrize("approving", [["--approve", "abc"], ["--approve", "abc", "--reason", " "]])
def test_nobody_approves_without_a_reason(folder: Path, tmp_path: Path, approving: list[str]) -> None:
    log = ends(folder)

    assert backfill(folder, file_of(tmp_path, LATE), *approving).exit_code == 2
    assert ends(folder) == log
