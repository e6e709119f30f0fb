"""What was published before a rule was made is read as it was: rules hold where definitions are written down."""

import json
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.calendar_rules import setting_faults
from shared.contracts.catalogue import AgreementVersioned, CalendarVersioned
from shared.contracts.codec import decode_event
from shared.contracts.target_rules import target_faults
from shared.holidays import shipped_holidays
from sla_monitor.domain.clock.verdict import Outcome
from tests.support.histories import judged

GOLDEN = Path(__file__).parent / "golden"


def _sent(kind: str) -> dict[str, Any]:
    golden = json.loads((GOLDEN / f"tallystick.catalogue.{kind}-versioned.v1.json").read_text(encoding="utf-8"))
    sent: dict[str, Any] = golden["sent"]
    return sent


@pytest.mark.parametrize(
    "changes",
    [
        {"within": "999999999 hours"},
        {"within": "999999999 working days"},
        {"within": "30 days", "pause_counts": "whole-days"},
    ],
)
def test_a_target_that_would_be_refused_today_is_read(changes: dict[str, Any]) -> None:
    sent = _sent("agreement")
    sent["data"]["definition"]["targets"][0] |= changes

    event = decode_event(json.dumps(sent).encode())

    assert isinstance(event, AgreementVersioned)
    assert event.data.definition.targets[0].within == changes["within"]
    assert list(target_faults(event.data.definition.targets[0]))


def test_a_calendar_that_would_be_refused_today_is_read() -> None:
    sent = _sent("calendar")
    sent["data"]["definition"]["weekly"] = {"mon": [f"09:{minute:02}-09:{minute:02}" for minute in range(50)]}

    event = decode_event(json.dumps(sent).encode())

    assert isinstance(event, CalendarVersioned)
    assert len(event.data.definition.weekly["mon"]) == 50
    assert list(setting_faults(event.data.definition, shipped_holidays()))


@pytest.mark.parametrize("unit", ["seconds", "minutes", "hours", "working hours", "working days", "days"])
@pytest.mark.parametrize("paused", [False, True])
def test_an_allowance_of_ages_is_met_in_time_and_never_fails(unit: str, paused: bool) -> None:
    history = [("Mon 2026-03-02 09:00", "opened"), *([("Mon 2026-03-02 10:00", "paused council")] if paused else [])]

    verdict = judged(history, as_of="Tue 2026-03-03 09:00", within=f"999999999 {unit}")

    is_known = unit in ("seconds", "minutes") or (paused and unit != "days")
    assert verdict.outcome is (Outcome.RUNNING if is_known else Outcome.UNMEASURABLE)
    assert verdict.missed_at is None


def test_whole_days_of_calendar_days_are_read_as_seconds() -> None:
    history = [
        ("Mon 2026-03-02 10:00", "opened"),
        ("Mon 2026-03-02 11:00", "paused council"),
        ("Mon 2026-03-02 12:00", "resumed"),
    ]
    now = {"as_of": "Tue 2026-03-03 09:00", "within": "2 days"}

    assert judged(history, **now, pause_counts="whole-days").due == judged(history, **now).due  # type: ignore[arg-type]  # plain settings
