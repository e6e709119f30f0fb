"""What a rebuild would publish, in pounds before it is approved."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from shared.contracts.topics import TICKETS
from shared.money import format_gbp
from sla_monitor.domain.clock import due
from sla_monitor.rebuild_command import rebuild
from sla_monitor.settings import MonitorSettings
from tallystick.command import app
from tests.support.backfills import LATE, work
from tests.support.state_folder import statements

MARCH = ["2026-03"]


@pytest.fixture
def harsher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a ticket that was in time, and after it a release by whose rule every one is missed."""
    folder = tmp_path / "var"
    work(folder, [(TICKETS, event) for event in LATE[:2]])
    judged = due._CycleClock._against_seconds

    def always_missed(watch: due._CycleClock, *measured: int, is_open: bool) -> Any:
        due, _, allowance, margin, _ = judged(watch, *measured, is_open=is_open)
        return due, due, allowance, margin, True

    monkeypatch.setattr(due._CycleClock, "_against_seconds", always_missed)
    return folder


def rate(folder: Path, file: Path) -> Result:
    return CliRunner(env={"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"}).invoke(app, ["rate", str(file)])


def adur(folder: Path) -> int:
    """What Adur would pay for March."""
    return next(each.total_pence for each in statements(folder, MARCH) if each.council.id == "adur")


def test_recharges_follow_an_approved_rebuild_to_the_penny_of_the_dry_run(
    harsher: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, file, before = MonitorSettings(TALLYSTICK_VAR=harsher), tmp_path / "verdicts.ndjson", adur(harsher)
    asyncio.run(rebuild(settings, ["--dry-run", "--events", str(file)]))
    digest = capsys.readouterr().out.strip().rpartition(" ")[2]

    dry_run = rate(harsher, file)
    assert adur(harsher) == before
    asyncio.run(rebuild(settings, ["--approve", digest, "--reason", "harsher", "--actor", "ada"]))
    work(harsher)

    after = adur(harsher)
    assert f"  2026-03: {format_gbp(before)} → {format_gbp(after)} (−{format_gbp(before - after)})" in dry_run.output
    assert after < before
    assert rate(harsher, file).stdout == "recharges: £0.00\n"


@pytest.mark.parametrize("line", ["{", '{"type":"tallystick.ticket.opened.v1"}'])
def test_a_line_that_is_no_verdict_is_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "verdicts.ndjson"
    file.write_text(line)

    result = rate(tmp_path / "var", file)

    assert (result.exit_code, "line 1" in result.output.lower()) == (2, True)
