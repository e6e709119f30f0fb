"""What a release with other rules would announce: first a dry run, then announced for real once that is approved."""

import asyncio
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.verdicts import VerdictCorrected, VerdictEvent
from shared.sql.approvals import Approval
from shared.startup_errors import InvalidSettings
from sla_monitor.domain.clock import due
from sla_monitor.rebuild_command import rebuild
from sla_monitor.settings import MonitorSettings
from tests.support.histories import calendar
from tests.support.live_state import live_state_content, state_address
from tests.support.monitor_client import LATE, agreement
from tests.support.monitoring import idle_monitor, monitor, ticket

NOW = "Wed 2026-03-04 12:00"
# Eight working hours, used up to the last second.
EXACT = [("Mon 2026-03-02 12:00", "opened"), ("Tue 2026-03-03 12:00", "resolved")]
IN_TIME = [("Mon 2026-03-02 12:00", "opened"), ("Tue 2026-03-03 11:59", "resolved")]
APPROVER = ("--reason", "release 2 counts the last second", "--actor", "ada")
COUNCILS, EACH = ("adur", "worthing"), 5


@pytest.fixture(params=["embedded", pytest.param("redis", marks=pytest.mark.docker)])
def state_url(request: pytest.FixtureRequest) -> str:
    """An address of live state that holds nothing; empty for the file beside the log."""
    return "" if request.param == "embedded" else str(request.getfixturevalue("redis_database"))


@pytest.fixture
def history(tmp_path: Path, state_url: str) -> MonitorSettings:
    """A monitor that has judged tickets in time, late, and exactly in time; then a holiday was proclaimed."""

    async def send_history() -> None:
        async with monitor(tmp_path, now=NOW, state_url=state_url) as on:
            await on.publish_catalogue(calendar(), *map(agreement, COUNCILS))
            await on.wait_until_idle()
            for council in COUNCILS:
                for number in range(EACH):
                    for name, lines in (("exact", EXACT), ("in-time", IN_TIME), ("late", LATE)):
                        await on.send(*ticket(*lines, item=f"{name}-{number}", council=council))
            await on.wait_until_idle()
            await on.publish_catalogue(calendar(closed={date(2026, 3, 3): "Proclaimed"}), version=2)
            await on.wait_until_idle()

    asyncio.run(send_history())
    return MonitorSettings(TALLYSTICK_VAR=tmp_path, STATE_URL=state_url)


@pytest.fixture
def stricter(history: MonitorSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """After that, a release with another rule: an allowance that is exactly used up is missed."""
    judged = due._CycleClock._against_seconds

    def missed_when_used_up(watch: due._CycleClock, *measured: int, is_open: bool) -> Any:
        due, last_good, allowance, margin, missed = judged(watch, *measured, is_open=is_open)
        return (due, due, allowance, 0, True) if margin == 0 else (due, last_good, allowance, margin, missed)

    monkeypatch.setattr(due._CycleClock, "_against_seconds", missed_when_used_up)


def published(settings: MonitorSettings) -> list[VerdictEvent]:
    """Every event that was ever published."""

    async def read() -> list[VerdictEvent]:
        async with idle_monitor(settings.var, now=NOW, state_url=settings.state_url) as idle:
            return await idle.announced()

    return asyncio.run(read())


def approvals(settings: MonitorSettings) -> list[Approval]:
    """Every approval that the monitor keeps."""

    async def read() -> list[Approval]:
        async with idle_monitor(settings.var, now=NOW) as idle:
            return idle.app.approvals.all()

    return asyncio.run(read())


def state(settings: MonitorSettings) -> Any:
    return asyncio.run(live_state_content(state_address(settings.var, settings.state_url)))


def run(settings: MonitorSettings, *arguments: str) -> None:
    asyncio.run(rebuild(settings, arguments))


def digest(printed: str) -> str:
    found = re.search(r"^digest: ([0-9a-f]{64})$", printed, re.MULTILINE)
    assert found is not None, printed
    return found[1]


def test_the_same_release_finds_no_difference(history: MonitorSettings, capsys: pytest.CaptureFixture[str]) -> None:
    before, announced = state(history), published(history)

    run(history, "--dry-run")

    assert "verdicts: 0 added, 0 removed, 0 changed; warnings: 0" in capsys.readouterr().out
    assert (state(history), published(history)) == (before, announced)


@pytest.mark.usefixtures("stricter")
def test_another_rule_is_shown_by_a_dry_run_then_announced_exactly_so(
    history: MonitorSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    before, announced, report = state(history), published(history), history.var / "report.json"
    run(history, "--dry-run", "--json", str(report))
    printed = capsys.readouterr().out
    assert (state(history), published(history)) == (before, announced)

    run(history, "--approve", digest(printed), *APPROVER)
    new = [event for event in published(history) if event not in announced]
    capsys.readouterr()
    run(history, "--dry-run")

    assert printed.splitlines()[:4] == [
        line for council in COUNCILS for line in (council, f"  {council}-2026, resolve: 5 met → breached")
    ]
    assert {(event.council, event.subject) for event in new} == {
        (each["council"], each["item"]) for each in json.loads(report.read_bytes())["verdicts"]
    }
    assert len(new) == len(COUNCILS) * EACH
    assert "0 added, 0 removed, 0 changed; warnings: 0" in capsys.readouterr().out


@pytest.mark.usefixtures("stricter")
def test_ended_items_keep_their_catalogue_and_corrections_name_what_was_approved(
    history: MonitorSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    announced = published(history)
    run(history, "--dry-run")
    approved = digest(capsys.readouterr().out)

    run(history, "--approve", approved, *APPROVER)

    new = [event for event in published(history) if event not in announced]
    assert [(kept.digest, kept.events, kept.actor) for kept in approvals(history)] == [(approved, len(new), "ada")]
    assert {type(event) for event in new} == {VerdictCorrected}
    assert {
        (event.data.calendar_version, event.data.cause) for event in new if isinstance(event, VerdictCorrected)
    } == {(1, f"rebuild-{approved[:16]}")}


@pytest.mark.usefixtures("stricter")
def test_a_rebuild_other_than_the_approved_one_is_refused(history: MonitorSettings) -> None:
    before, announced = state(history), published(history)

    with pytest.raises(InvalidSettings, match="not what was approved"):
        run(history, "--approve", "0" * 64, *APPROVER)

    assert (state(history), published(history)) == (before, announced)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--approve", "abc"],
        ["--approve", "abc", "--reason", " "],
        ["--approve", "abc", "--reason", "why", "--actor", "nobody in particular"],
        ["--dry-run", "--approve", "abc"],
        ["--json", "report.json"],
        ["--quickly"],
    ],
)
def test_contradictory_arguments_are_refused(tmp_path: Path, arguments: list[str]) -> None:
    with pytest.raises(InvalidSettings):
        run(MonitorSettings(TALLYSTICK_VAR=tmp_path), *arguments)

    assert list(tmp_path.iterdir()) == []
