"""`tallystick quarantine` on a folder of state: a record redriven after a fix counts as if it had never failed."""

import asyncio
import os
import pty
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from starlette.testclient import TestClient
from typer.main import get_group
from typer.testing import CliRunner, Result

from catalogue.adapters.partnership_files import load as read_example
from shared.clock import FixedClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.items import CompletedData, NewItemData, WorkCompleted, WorkReceived
from shared.contracts.topics import TICKETS, USAGE, WORK, Topic
from shared.contracts.usage import UsageData, UsageRecorded
from shared.http import create_app
from shared.log import validation
from shared.log.partitioner import partition_of
from shared.log.port import Message, Shard
from shared.quarantine.api import TYPES, router
from shared.units import EpochMillis
from sla_monitor.store import items
from tallystick.command import app
from tallystick.commands.quarantine import app as registered
from tallystick.stack import open_stack
from tests.support.callers import MAY_ALL
from tests.support.monitoring import local, ticket
from tests.support.service_process import PATIENCE_S, clean_environment, state_folder_env
from tests.support.state_folder import FolderContent, content_of, shards_read

NOW = FixedClock(datetime(2026, 4, 10, 12, tzinfo=UTC))
MONTHS = ["2026-03", "2026-04"]
WHY = ["--reason", "release 1.2 reads them", "--actor", "ada", "--yes"]

Sent = Sequence[tuple[Topic, ItemEvent]]
PLACE = re.compile(r"provider\.[a-z]+\.v1/\d+@\d+")


def about(subject: str, when: str, what: str) -> dict[str, Any]:
    return {"id": f"{subject}:{what}", "source": "/desk", "time": local(when), "subject": subject, "council": "adur"}


def invoice(subject: str) -> Sent:
    received = WorkReceived(
        **about(subject, "Mon 2026-03-02 09:00", "in"), data=NewItemData(service="accounts-payable")
    )
    done = WorkCompleted(**about(subject, "Wed 2026-03-04 12:00", "out"), data=CompletedData(units="3"))
    return [(WORK, received), (WORK, done)]


def readings() -> Sent:
    data = UsageData(service="payroll", quantity="412", business_date=date(2026, 3, 31))
    return [(USAGE, UsageRecorded(**about("pay-march", "Wed 2026-04-01 09:00", "read"), data=data))]


PAUSED = ticket(
    ("Mon 2026-03-02 09:00", "opened"),
    ("Mon 2026-03-02 10:00", "paused"),
    ("Wed 2026-03-04 10:00", "resumed"),
    ("Thu 2026-03-05 16:00", "resolved"),
)
LOG: Sent = [*[(TICKETS, event) for event in PAUSED], *invoice("inv-1"), *invoice("inv-2"), *readings()]
# Without the pause the ticket is late; without the receipt nobody is recharged for the invoice; the reading is money.
FAILING = [PAUSED[1], LOG[4][1], LOG[-1][1]]


def message(event: ItemEvent, *, padded: bool = False) -> Message:
    value = encode_event(event) + (b" " * 600 if padded else b"")
    return Message(event.key, value, timestamp_ms=EpochMillis(int(event.time.timestamp() * 1000)))


def work(folder: Path, sent: Sequence[tuple[Topic, Message]] = (), *, loaded: bool = True) -> None:
    """The services on `folder` have processed what was `sent`; where `loaded`, after the example's catalogue."""

    async def settled() -> None:
        async with open_stack(folder, clock=NOW) as stack:
            if loaded:
                await stack.record([placed.definition for placed in read_example("adur-worthing").entries])
            for topic, each in sent:
                await stack.bus.publish(topic.name, [each])
            await stack.drain(lambda _: None)

    asyncio.run(settled())


def quarantine(folder: Path, *arguments: str) -> Result:
    return CliRunner(env={"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"}).invoke(app, ["quarantine", *arguments])


def output_of(folder: Path, *arguments: str) -> str:
    """What the command printed; it exited with 0."""
    result = quarantine(folder, *arguments)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def never_failed(tmp_path_factory: pytest.TempPathFactory) -> FolderContent:
    folder = tmp_path_factory.mktemp("never-failed")
    work(folder, [(topic, message(event)) for topic, event in LOG])
    return content_of(folder, MONTHS)


@pytest.fixture(scope="module")
def failed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose services quarantined three records, because that release read shorter ones only."""
    folder = tmp_path_factory.mktemp("failed")
    work(folder)  # the catalogue's definitions are long too, and were read
    with pytest.MonkeyPatch.context() as older:
        older.setattr(validation, "MAX_EVENT_BYTES", 600)
        work(folder, [(topic, message(event, padded=event in FAILING)) for topic, event in LOG], loaded=False)
    return folder


@pytest.fixture
def failed(failed_once: Path, tmp_path: Path) -> Path:
    """That folder, to be repaired."""
    return shutil.copytree(failed_once, tmp_path / "var")


def test_a_record_redriven_after_a_fix_counts_as_if_it_had_never_failed(
    failed: Path, never_failed: FolderContent
) -> None:
    open_before = PLACE.findall(output_of(failed, "list"))
    without_them = content_of(failed, MONTHS)

    output = output_of(failed, "redrive", "--all", *WHY)
    work(failed)

    assert (len(open_before), "3 records redriven" in output) == (3, True)
    assert without_them.verdicts != never_failed.verdicts
    assert without_them.statements != never_failed.statements
    assert content_of(failed, MONTHS) == never_failed
    assert output_of(failed, "list") == "0 open.\n"


def test_redriving_twice_is_as_redriving_once(failed: Path, never_failed: FolderContent) -> None:
    for place in PLACE.findall(output_of(failed, "list")) * 2:
        output_of(failed, "redrive", place, *WHY)
    work(failed)

    assert content_of(failed, MONTHS) == never_failed


def test_every_offset_keeps_one_result_through_redriving_and_discarding(failed: Path) -> None:
    first, *others = PLACE.findall(output_of(failed, "list"))
    output_of(failed, "discard", first, *WHY)
    output_of(failed, "redrive", *others, *WHY)
    work(failed)

    assert not [read for read in shards_read(failed) if read.unaccounted]
    assert sum(read.results["quarantined"] for read in shards_read(failed)) == 5  # one of them by billing alone


def test_a_record_in_the_wrong_partition_is_redriven_to_its_own(tmp_path: Path, never_failed: FolderContent) -> None:
    async def misplaced() -> None:
        async with open_stack(tmp_path, clock=NOW) as stack:
            own = partition_of(LOG[4][1].key.encode(), WORK.partitions)
            await stack.bus.publish_to(Shard(WORK.name, (own + 1) % WORK.partitions), [message(LOG[4][1])])

    asyncio.run(misplaced())
    work(tmp_path, [(topic, message(event)) for index, (topic, event) in enumerate(LOG) if index != 4])

    assert "KEY_PARTITION_MISMATCH" in output_of(tmp_path, "list")
    output_of(tmp_path, "redrive", "--all", "--because", "KEY_PARTITION_MISMATCH", *WHY)
    work(tmp_path)

    assert content_of(tmp_path, MONTHS) == never_failed


def test_records_that_stay_unreadable_may_be_redriven_without_halting_any_service(tmp_path: Path) -> None:
    work(tmp_path, [(WORK, Message("adur:x", b"{", timestamp_ms=EpochMillis(0)))] * 6)

    for _ in range(3):
        output_of(tmp_path, "redrive", "--all", *WHY)
        work(tmp_path)  # it fails where a partition is halted

    assert len(PLACE.findall(output_of(tmp_path, "list"))) == 6
    assert "24 quarantined." in output_of(tmp_path, "list", "--decided")


def test_the_sentence_of_a_halted_partition_works_as_printed_for_every_service_that_reads_it(tmp_path: Path) -> None:
    bad = Message("adur:x", b"{", timestamp_ms=EpochMillis(0))
    shard = Shard(WORK.name, partition_of(b"adur:x", WORK.partitions))
    halted = asyncio.run(_halted_monitor(tmp_path, [bad] * 15))  # billing has not read any of them yet
    (printed,) = re.findall(r"`(tallystick [^`]+)`", halted[shard])

    ended, shown = at_a_terminal(printed, tmp_path, answering=b"y\n")
    work(tmp_path)  # it fails where a partition is halted

    assert ended == 0, shown
    assert f"sla-monitor goes on with {shard}; records from offset 15 on are counted again." in shown
    assert f"billing goes on with {shard}; records from offset 15 on are counted again." in shown
    assert "15 open." in output_of(tmp_path, "list")


async def _halted_monitor(folder: Path, sent: Sequence[Message]) -> Mapping[Shard, str]:
    """What the monitor says of its halted partitions; billing does not run."""
    async with open_stack(folder, clock=NOW) as stack:
        await stack.bus.publish(WORK.name, sent)
        stop, judging = asyncio.Event(), stack.monitor.consumers[0]
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            tasks.create_task(stack.monitor.run(stop))
            while not judging.halted:  # noqa: ASYNC110 (nothing signals its progress)
                await asyncio.sleep(0.05)
            stop.set()
            return dict(judging.halted)


def at_a_terminal(command: str, folder: Path, *, answering: bytes) -> tuple[int, str]:
    """The command line as a person pastes it into a shell and answers what it asks: exit code and what was shown."""
    master, terminal = pty.openpty()
    environment = clean_environment() | state_folder_env(folder) | {"COLUMNS": "200"}
    with subprocess.Popen(
        # Where the package is not installed there is no such command, only the module.
        ["sh", "-c", f'tallystick() {{ "{sys.executable}" -m tallystick "$@"; }}; {command}'],
        env=environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as started:
        os.write(master, answering)
        shown, _ = started.communicate(timeout=PATIENCE_S)
    os.close(master)
    os.close(terminal)
    return started.returncode, shown


def test_a_discard_that_was_broken_off_between_two_services_may_be_repeated(tmp_path: Path) -> None:
    work(tmp_path, [(WORK, Message("adur:x", b"{", timestamp_ms=EpochMillis(0)))])
    (place,) = PLACE.findall(output_of(tmp_path, "list"))
    output_of(tmp_path, "discard", place, "--service", "billing", *WHY)

    output_of(tmp_path, "discard", place, *WHY)

    assert output_of(tmp_path, "list") == "0 open.\n"
    decided = [line.split("  ")[3] for line in output_of(tmp_path, "decisions").splitlines()]
    assert sorted(decided) == ["billing", "sla-monitor"]


def test_a_record_that_is_still_invalid_is_quarantined_again(tmp_path: Path) -> None:
    work(tmp_path, [(WORK, Message("adur:x", b"{", timestamp_ms=EpochMillis(0)))])
    (place,) = PLACE.findall(output_of(tmp_path, "list"))

    output_of(tmp_path, "redrive", place, *WHY)
    work(tmp_path)

    (again,) = PLACE.findall(output_of(tmp_path, "list"))
    assert again == place.replace("@0", "@1")
    assert output_of(tmp_path, "list", "--decided").count("UNREADABLE") == 2


def test_every_decision_is_kept_with_who_when_and_why(failed: Path) -> None:
    first, second, third = PLACE.findall(output_of(failed, "list"))
    output_of(failed, "discard", first, "--reason", "sent by mistake", "--actor", "grace", "--yes")
    output_of(failed, "redrive", second, *WHY)
    output_of(failed, "redrive", first, *WHY)

    output = [line.split("  ") for line in output_of(failed, "decisions").splitlines()]

    assert third in output_of(failed, "list")
    assert list(dict.fromkeys((action, place, why) for _, action, place, _, why in output)) == [
        ("discarded", first, "grace: sent by mistake"),
        ("re-driven", second, "ada: release 1.2 reads them"),
        ("re-driven", first, "ada: release 1.2 reads them"),
    ]
    assert [at for at, *_ in output] == sorted(at for at, *_ in output)


@pytest.mark.parametrize(
    ("command", "sentence"),
    [(["quarantine", "decisions"], "No decisions yet.\n"), (["approvals"], "No approvals yet.\n")],
)
def test_an_empty_list_is_a_sentence_or_empty_json(command: list[str], sentence: str, tmp_path: Path) -> None:
    work(tmp_path, [])
    runner = CliRunner(env={"TALLYSTICK_VAR": str(tmp_path)})

    assert runner.invoke(app, command).output == sentence
    assert runner.invoke(app, [*command, "--json"]).output == "[]\n"


def test_a_record_is_shown_with_its_bytes_but_without_control_characters(tmp_path: Path) -> None:
    poison = b'{"id": "\x1b[2J\xff"}'
    work(tmp_path, [(WORK, Message("adur:x", poison, timestamp_ms=EpochMillis(1_772_442_000_000)))])
    (place,) = PLACE.findall(output_of(tmp_path, "list"))

    shown = output_of(tmp_path, "show", place, "--to", str(tmp_path / "bytes")) + output_of(tmp_path, "show", place)

    assert (tmp_path / "bytes").read_bytes() == poison
    assert r'value: {"id": "\x1b[2J\xff"}' in shown
    assert "\x1b" not in shown
    assert "2026-03-02 09:00:00Z" in shown


@pytest.mark.parametrize(
    ("arguments", "output"),
    [
        (["redrive", "--all", "--yes"], "Missing option '--reason'"),
        (["discard", "--all", "--yes"], "Missing option '--reason'"),
        (["redrive", "--all", "--yes", "--reason", " "], "The reason is empty"),
        (["redrive", "--all", "--yes", "--reason", "x" * 501], "too long"),
        (["redrive", "--all", "--yes", "--reason", "why", "--actor", "a b"], "cannot be stored as a name"),
        (["redrive", "--all", "--reason", "why", "--actor", "ada"], "Nobody can be asked here"),
        (["accept-flood", "provider.work.v1/3", "--reason", "why", "--actor", "ada"], "Nobody can be asked here"),
        (["redrive", "--reason", "why", "--yes", "--actor", "ada"], "Which records is not clear"),
        (["redrive", "provider.work.v1/3", *WHY], "'provider.work.v1/3' is no place of a record"),
        (["show", "rubbish"], "'rubbish' is no place of a record. Write for example provider.work.v1/3@1042."),
        (["accept-flood", "rubbish", *WHY], "'rubbish' is no partition of a topic"),
        (["discard", "provider.work.v1/3@77", *WHY], "Nothing was quarantined at provider.work.v1/3@77"),
        (["show", "provider.work.v1/3@99999999999999999999"], "is no place of a record"),
        (["accept-flood", "provider.work.v1/99", *WHY], "No service reads provider.work.v1/99"),
        (["accept-flood", "provider.work.v1/3", *WHY], "provider.work.v1/3 is not halted; nothing was decided."),
        (["list", "--service", "catalogue"], "There is no service 'catalogue' with a quarantine"),
    ],
)
def test_a_decision_without_a_reason_a_name_or_a_confirmation_is_refused(
    arguments: list[str], output: str, tmp_path: Path
) -> None:
    work(tmp_path, [])
    result = quarantine(tmp_path, *arguments)

    assert result.exit_code == 2, result.output
    assert output in re.sub(r"[│\s]+", " ", result.output)


def test_a_record_without_a_key_or_value_can_only_be_discarded_and_only_once(tmp_path: Path) -> None:
    work(tmp_path, [(WORK, Message("adur:x", b"", timestamp_ms=EpochMillis(0)))])
    (place,) = PLACE.findall(output_of(tmp_path, "list"))

    assert "it can only be discarded" in output_of(tmp_path, "redrive", place, *WHY)
    output_of(tmp_path, "discard", place, *WHY)
    again = quarantine(tmp_path, "discard", place, *WHY)

    assert again.exit_code == 2
    assert "was discarded by ada" in again.output


def test_an_item_that_failed_is_listed_and_judged_again_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    with patch.object(items, "evaluate", side_effect=ZeroDivisionError):
        work(folder, [(TICKETS, message(event)) for event in PAUSED])

    listed = output_of(folder, "list")
    assert "adur  T1  ZeroDivisionError in sla_monitor.store.items.evaluate_known:" in listed
    assert "4 events, the newest: opened 2026-03-02 09:00Z" in listed
    assert "1 item failed, and in no figure. Report the failure." in listed
    (failed,) = msgspec.json.decode(output_of(folder, "list", "--json"))["failed_items"]["items"]
    assert (failed["item"], failed["since"], failed["events"]) == ("T1", "2026-03-05T16:00:00Z", 4)
    assert "failed" not in output_of(folder, "list", "--service", "billing")
    other = quarantine(folder, "retry-item", "adur", "T2", *WHY)
    assert (other.exit_code, "no item 'T2' of 'adur' has failed" in other.output) == (2, True)

    assert "T1 of adur is judged again" in output_of(folder, "retry-item", "adur", "T1", *WHY)
    work(folder)

    assert output_of(folder, "list") == "0 open.\n"
    kept = CliRunner(env={"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"}).invoke(app, ["approvals"])
    assert "retry adur:T1" in kept.output
    assert "ada: release 1.2 reads them" in kept.output


def test_servers_of_one_service_need_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/elsewhere.db")

    refused, named = quarantine(tmp_path, "list"), quarantine(tmp_path, "list", "--service", "billing")

    assert "DATABASE_URL is of one service only" in refused.output
    assert (refused.exit_code, named.output) == (2, "0 open.\n")


def test_the_guide_names_exactly_the_commands_that_exist() -> None:
    page = (Path(__file__).parents[2] / "docs/quarantine.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ +tallystick quarantine (\S+)([^#\n]*)", page, re.MULTILINE)

    for verb, rest in commands:
        result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["quarantine", verb, "--help"])
        assert result.exit_code == 0, result.output
        assert [option for option in re.findall(r"--[a-z-]+", rest) if option not in result.output] == []
    assert {verb for verb, _ in commands} == set(get_group(registered).commands)


def test_http_lists_what_is_open_page_by_page_without_the_bytes(failed: Path) -> None:
    async def pages() -> list[list[dict[str, Any]]]:
        async with open_stack(failed, clock=NOW) as stack:
            http = create_app("quarantine", [router(stack.billing.quarantine)], types=TYPES, authentication=MAY_ALL)
            found, url = [], "/v1/quarantine?limit=2"
            with TestClient(http) as client:
                while url:
                    answer = client.get(url)
                    assert answer.status_code == 200, answer.text
                    found.append(answer.json()["items"])
                    url = answer.links.get("next", {}).get("url", "")
            return found

    first, second = asyncio.run(pages())
    assert (len(first), len(second)) == (2, 1)
    assert {entry["reason"] for entry in [*first, *second]} == {"TOO_LARGE"}
    assert first[0].keys() == {
        "topic", "partition", "offset", "reason", "detail", "timestamp_ms", "size", "decision"
    }  # fmt: skip
