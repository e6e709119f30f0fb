"""A replay into a folder that is in trouble: it ends, and says what was kept and what to do."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from billing.consumer import BillingProcessor
from shared.log.processor import Busy
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.item import Item
from sla_monitor.judging import batch
from sla_monitor.store.items import evaluate_known
from tallystick import draining
from tallystick.command import app
from tests.support.replayed_exports import (
    CLOSED,
    FLOOD,
    HEADER,
    IN_TIME,
    OPEN,
    TRIAL,
    answered,
    forge,
    lines,
    replay,
    verdicts,
)
from tests.support.replays import TICKETS

pytestmark = pytest.mark.usefixtures("unprinted_logs")


def emptied(file: Path, *tables: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        for table in tables:
            connection.execute(f"DELETE FROM {table}")  # noqa: S608 (the names are this file's)


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
