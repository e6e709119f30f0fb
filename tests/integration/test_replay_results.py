"""A replay tells the truth: what it sent adds up, what is not applied is named, and it always comes to an end."""

import asyncio
import csv
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from billing.consumer import BillingProcessor
from shared.bus.connect import connect
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.items import TicketOpened
from shared.log.processor import Busy
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.item import Item
from sla_monitor.judging import batch
from sla_monitor.store.items import evaluate_known
from tallystick import draining
from tallystick.command import app
from tallystick.replay.sending import message_of
from tests.support.real_data import steady
from tests.support.replays import ACTIVITIES, READINGS, TICKETS, changed
from tests.support.replays import replay as translated

AS_OF = "2026-08-01T00:00:00Z"
TRIAL = """
trial:
  title: Trial
  provider: {id: desk, name: Desk}
  targets:
    - {id: fix, service: ict, measure: resolution-time, within: 4 hours}
"""
BILLED = """
trial:
  title: Trial
  provider: {id: finance, name: Finance}
"""
PRICED = (
    BILLED
    + """  services:
    - {id: accounts-payable, name: Invoices, group: Finance, unit: line, unit_name: line, counted_by: readings}
  tariffs:
    - id: invoices
      name: Invoices
      service: accounts-payable
      illustrative: true
      charges: [{kind: graduated, name: Lines, tiers: [{price_gbp: "0.01"}]}]
"""
)
HEADER = "number,council,opened,resolved\n"
IN_TIME = "1,adur,2026-03-02T09:00:00,2026-03-02T10:00:00\n"
LATE = "1,adur,2026-03-02T09:00:00,2026-03-05T10:00:00\n"
OPEN, CLOSED = "2,adur,2026-03-02T09:00:00,\n", "2,adur,2026-03-02T09:00:00,2026-03-02T11:00:00\n"
# Tickets whose keys share a partition: more of them than may be quarantined there.
IN_ONE_PARTITION = (26, 30, 64, 72, 94, 99, 125, 126, 144, 145, 150, 151)


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    """What the services log is on stderr where the command is run; here it is not printed."""
    with capture_logs():
        yield


def replay(folder: Path, mapping: str, text: str, *options: str) -> Result:
    """The text replayed into the folder's state."""
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    (folder / "export.csv").write_text(text, encoding="utf-8")
    given = ("replay", str(folder / "export.csv"), "--mapping", str(folder / "mapping.yaml"), "--as-of", AS_OF)
    env = {"TALLYSTICK_VAR": str(folder / "var"), "COLUMNS": "200"}
    return CliRunner(env=env).invoke(app, [*given, "--verdicts", str(folder / "verdicts.csv"), *options])


def answered(result: Result) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def verdicts(folder: Path) -> dict[str, dict[str, str]]:
    """The lines of the verdict file, by council and item."""
    with (folder / "verdicts.csv").open(encoding="utf-8", newline="") as text:
        return {f"{line['council']}:{line['item']}": line for line in csv.DictReader(text)}


def lines(result: Result) -> list[str]:
    return [line.strip() for line in result.stdout.splitlines()]


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


@pytest.mark.parametrize(("content", "why"), [(b"no database" * 50, "(damaged?)"), (None, "cannot be opened")])
def test_a_register_of_exports_that_cannot_be_used_is_named(content: bytes | None, why: str, tmp_path: Path) -> None:
    register = tmp_path / "var" / "exports.sqlite"
    if content is None:
        register.mkdir(parents=True)
    else:
        register.parent.mkdir()
        register.write_bytes(content)

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + OPEN)

    assert (result.exit_code, f"{register} " in result.stderr, why in result.stderr) == (2, True, True), result.stderr


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


def records_of(folder: Path) -> int:
    """How many tickets' events the log holds."""
    with closing(sqlite3.connect(folder / "var/log.db")) as log:
        held: int = log.execute("SELECT sum(next) FROM shards WHERE topic = 'provider.tickets.v1'").fetchone()[0]
    return held


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


def forge(folder: Path, rows: str) -> None:
    """Somebody else has sent other content under the ids that the events of `rows` will have."""

    async def publish() -> None:
        bus = connect(f"sqlite:///{folder}/var/log.db")
        for timed in translated(folder, TICKETS, HEADER + rows).timed:
            event = decode_event(timed.value)
            assert isinstance(event, TicketOpened)
            forged = structs.replace(event, data=structs.replace(event.data, priority="forged"))
            await bus.publish(timed.topic, [message_of(timed._replace(value=encode_event(forged)))[1]])
        await bus.close()

    asyncio.run(publish())


def test_an_event_that_was_quarantined_is_sent_and_quarantined_again(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)
    forge(tmp_path, OPEN)

    for withdrawn in (1, 0):
        result = replay(tmp_path, TICKETS + TRIAL, HEADER + OPEN)
        assert result.exit_code == 1
        assert f"{1 + withdrawn} event{'s' * withdrawn} = {withdrawn} applied + 1 quarantined" in lines(result)
        (reported,) = [line for line in lines(result) if line.startswith("quarantined: ID_REUSE_CONFLICT: 1: ")]
        assert "give the mapping a source of its own" in reported
        (place,) = [line for line in lines(result) if line.startswith("tallystick quarantine show provider.tickets")]
        shown = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path / "var")}).invoke(app, place.split()[1:])
        assert "adur:2" in shown.stdout
    assert "in quarantine" in verdicts(tmp_path)["adur:2"]["note"]


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


def test_a_second_months_readings_count_whatever_their_files_are_called(tmp_path: Path) -> None:
    header = "council,paid,lines\n"
    replay(tmp_path, READINGS + BILLED, f"{header}leeds,2026-04-01,100\nleeds,2026-04-02,100\n")

    result = replay(
        tmp_path, READINGS + BILLED, f"{header}leeds,2026-05-01,700\nleeds,2026-04-02,100\nleeds,2026-05-03,7\n"
    )

    assert result.exit_code == 0
    assert "3 events = 2 applied + 1 already known" in lines(result)


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


def test_an_item_that_cannot_be_judged_is_named_and_its_events_are_not_called_applied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = evaluate_known

    def failing(item: Item, *, name: str, **given: Any) -> Evaluation:
        if name == "1":
            raise IndexError("planted")
        return judge(item, name=name, **given)

    monkeypatch.setattr(batch, "evaluate_known", failing)

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + CLOSED)

    assert result.exit_code == 1
    assert "4 events = 2 applied + 2 failed" in lines(result)
    assert any(line.startswith("failed: kept, but a bug in Tallystick") for line in lines(result))
    assert {name: line["verdict"] for name, line in verdicts(tmp_path).items()} == {"adur:1": "failed", "adur:2": "met"}


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


FLOOD = [f"K-{number},adur,2026-06-29T09:00:00,\n" for number in IN_ONE_PARTITION]


def test_twelve_changed_tickets_of_a_partition_are_changes_and_no_flood(tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + "".join(FLOOD))

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + "".join(FLOOD).replace("T09:00:00", "T09:30:00"))

    assert result.exit_code == 0
    assert "24 events = 24 applied" in lines(result)


def test_more_conflicts_than_a_partition_takes_end_the_command_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "HALTED_AFTER_S", 1.0)
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)
    forge(tmp_path, "".join(FLOOD))

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + "".join(FLOOD))
    next_one = replay(tmp_path, TICKETS + TRIAL, HEADER + CLOSED)

    assert result.exit_code == 1
    assert "24 events = 12 applied + 10 quarantined + 2 not read" in lines(result)
    assert any(line.startswith("not read: the services have stopped in front of events") for line in lines(result))
    assert any("`tallystick quarantine accept-flood PARTITION --reason TEXT`" in line for line in lines(result))
    assert (next_one.exit_code, next_one.stdout) == (3, "")
    assert "nothing more was sent" in next_one.stderr


def test_a_halted_folder_goes_on_once_its_flood_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "HALTED_AFTER_S", 1.0)
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)
    forge(tmp_path, "".join(FLOOD))
    halted = answered(replay(tmp_path, TICKETS + TRIAL, HEADER + "".join(FLOOD), "--json"))
    (partition,) = halted["halted"]

    accepted = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path / "var")}).invoke(
        app, ["quarantine", "accept-flood", partition, "--reason", "a forged source", "--yes"]
    )
    result = replay(tmp_path, TICKETS + TRIAL, HEADER + CLOSED)

    assert accepted.exit_code == 0, accepted.stderr
    assert "2 events = 2 applied" in lines(result)


def test_a_store_that_does_not_answer_ends_the_command_and_says_which_events_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> int:
        raise Busy

    monkeypatch.setattr(draining, "STALLED_AFTER_S", 1.0)
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)
    monkeypatch.setattr(BillingProcessor, "apply", busy)

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + CLOSED)

    assert result.exit_code == 1
    assert any(line.startswith("not read: a store of the services has not answered") for line in lines(result))


def emptied(file: Path, *tables: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in tables:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (the names are this file's)


@pytest.mark.parametrize(
    "lost", ["log deleted", "log without its records", "log older", "state older", "database deleted"]
)
def test_files_that_no_longer_belong_together_end_the_command_with_what_to_do(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "STALLED_AFTER_S", 2.0)
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME)
    log, state = tmp_path / "var/log.db", tmp_path / "var/sla-monitor-state.db"
    if lost == "log deleted":
        log.unlink()
    elif lost == "log without its records":
        emptied(log, "records")
    elif lost == "database deleted":
        (tmp_path / "var/sla-monitor.db").unlink()  # the ended items are there
    elif lost == "log older":
        emptied(log, "records")
        with closing(sqlite3.connect(log)) as connection, connection:
            connection.execute("UPDATE shards SET next = 0")
    else:
        other = tmp_path / "other"
        other.mkdir()
        replay(other, TICKETS + TRIAL, HEADER + CLOSED)
        state.write_bytes((other / "var/sla-monitor-state.db").read_bytes())

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + CLOSED)

    assert result.exit_code in {2, 3}, result.stderr
    assert "new state folder (TALLYSTICK_VAR) and send" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize("name", ["sla-monitor-state.db", "billing.db"])
def test_a_store_that_was_deleted_is_filled_again_from_the_log(name: str, tmp_path: Path) -> None:
    replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)
    (tmp_path / "var" / name).unlink()

    result = replay(tmp_path, TICKETS + TRIAL, HEADER + IN_TIME + OPEN)

    assert result.exit_code == 0
    assert "3 events = 0 applied + 3 already known" in lines(result)
    assert {each: line["verdict"] for each, line in verdicts(tmp_path).items()} == {
        "adur:1": "met",
        "adur:2": "breached",
    }


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
