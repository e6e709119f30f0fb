"""The shipped clocks are due when docs/clocks.md says; docs/known-faults has the right answers of its cases."""

import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from shared.yaml_values import read_yaml
from sla_monitor.trial.target import try_target
from tallystick.clocks import clock_text, shipped_clocks, titles
from tallystick.command import app
from tests.support.trials import plain

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "clocks.md").read_text(encoding="utf-8")
LONDON = ZoneInfo("Europe/London")
_ROW = re.compile(r"\| `([a-z-]+)` \| `([a-z0-9-]+)` \| (\w{3} [0-9-]+ [0-9:]+) \| \w{3} ([0-9-]+) \|")
CASES = _ROW.findall(PAGE)
KNOWN_FAULTS = [json.loads(line) for line in (DOCS / "known-faults.ndjson").read_text(encoding="utf-8").splitlines()]


def received(name: str, at: str) -> dict[str, Any]:
    """The shipped document, of which nothing has happened but that it came in at the time."""
    document: dict[str, Any] = read_yaml(clock_text(name)).value
    document["events"] = [document["events"][0] | {"at": at}]
    document["as_of"] = at[4:]
    return document


def last_day(due_at: str) -> str:
    """The London date whose last instant is due."""
    due = datetime.fromisoformat(due_at).astimezone(LONDON)
    assert (due.hour, due.minute) == (0, 0)
    return str(due.date() - timedelta(days=1))


@pytest.mark.parametrize(("name", "target", "at", "due"), CASES)
def test_a_clock_is_due_when_the_page_says(name: str, target: str, at: str, due: str) -> None:
    answer = plain(try_target(json.dumps(received(name, at)).encode(), written_in="json"))

    found = {each["target"]: each for each in answer["verdicts"]}
    assert last_day(found[target]["due_at"]) == due


@pytest.mark.parametrize("name", shipped_clocks())
def test_a_shipped_clock_is_a_document_that_is_tried_and_named_on_the_page(name: str) -> None:
    answer = plain(try_target(clock_text(name).encode(), written_in="yaml"))

    assert {each["verdict"] for each in answer["verdicts"]} <= {"met", "breached"}
    assert answer["notes"] == []
    source = read_yaml(clock_text(name)).value["source"]
    assert f"| `{name}` |" in PAGE
    assert source in PAGE
    assert name in {case[0] for case in CASES}


@pytest.mark.parametrize(
    ("name", "target", "verdict"),
    [
        ("complaints", "acknowledge", "met"),
        ("complaints", "stage-1", "breached"),
        ("invoice-payment", "paid", "met"),
        ("foi", "answer", "met"),
    ],
)
def test_the_example_in_a_clock_has_its_verdict(name: str, target: str, verdict: str) -> None:
    answer = plain(try_target(clock_text(name).encode(), written_in="yaml"))

    assert {each["target"]: each["verdict"] for each in answer["verdicts"]}[target] == verdict


def test_for_a_council_in_scotland_its_own_holiday_moves_a_clock() -> None:
    document = received("complaints", "Mon 2026-06-08 12:00")
    document["calendar"]["holidays"] = ["scotland"]

    answer = plain(try_target(json.dumps(document).encode(), written_in="json"))

    assert last_day(answer["verdicts"][0]["due_at"]) == "2026-06-16"


@pytest.mark.parametrize("case", KNOWN_FAULTS, ids=[case["id"] for case in KNOWN_FAULTS])
def test_a_known_fault_is_not_tallysticks(case: dict[str, Any]) -> None:
    document = {
        "calendar": {"zone": case["zone"], "weekly": case["hours"], "closed": dict.fromkeys(case["closed"], "Closed")},
        "targets": [{"id": "t", "measure": "resolution-time", "within": case["allowed"]}],
        "events": case["events"],
        "as_of": case["as_of"],
    }

    (verdict,) = plain(try_target(json.dumps(document).encode(), written_in="json"))["verdicts"]

    assert {name: verdict[name] for name in case["expected"]} == case["expected"]


def test_the_page_of_known_faults_lists_every_case() -> None:
    page = (DOCS / "known-faults.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `([a-z0-9-]+)` \| [A-Z]", page, re.MULTILINE) == [case["id"] for case in KNOWN_FAULTS]
    assert all(case["fault"] in page for case in KNOWN_FAULTS)


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["try", "clocks", *arguments])
    return result.exit_code, result.output


def test_the_command_lists_clocks_and_writes_one_to_be_changed(tmp_path: Path) -> None:
    listed, to = run(), tmp_path / "mine.yaml"

    assert listed[0] == 0
    assert all(name in listed[1] and source in listed[1] for name, _, source in titles())
    assert run("foi") == (0, clock_text("foi"))
    assert run("foi", "--to", str(to)) == (0, f"{to}\n")
    assert to.read_text(encoding="utf-8") == clock_text("foi")
    assert run("foi", "--to", str(to))[0] == 2
    assert run("foy")[0] == 2


@pytest.mark.parametrize(
    ("received", "within", "due"),
    [
        ("Sat 2026-01-31 10:00", "1 month", "2026-02-28"),
        ("Mon 2028-01-31 10:00", "1 month", "2028-02-29"),
        ("Thu 2026-12-31 23:59:59", "2 months", "2027-02-28"),
        ("Fri 2026-01-30 00:00", "1 month", "2026-02-28"),
        ("Wed 2026-09-30 00:00", "1 month", "2026-10-30"),
        ("Sat 2026-02-28 12:00", "1 month", "2026-03-28"),
        ("Wed 2026-07-15 12:00", "12 months", "2027-07-15"),
    ],
)
def test_a_month_ends_with_the_corresponding_date(received: str, within: str, due: str) -> None:
    document = {
        "targets": [{"measure": "resolution-time", "within": within}],
        "events": [{"at": received, "event": "opened"}],
        "as_of": received[4:],
        "calendar": {"weekly": {"mon": ["09:00-17:00"]}},
    }

    (verdict,) = plain(try_target(json.dumps(document).encode(), written_in="json"))["verdicts"]

    assert last_day(verdict["due_at"]) == due


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        ({"within": "1 working month"}, "expected a duration like"),
        ({"within": "200 months"}, "expected at most"),
        ({"within": "1 month", "ends_on": "end-of-day"}, "has no effect: a month ends with its date"),
        ({"within": "1 month", "day_rule": "following-days"}, "has an effect only on a threshold in working days"),
        ({"within": "30 days", "warn_at": ["1 month before"]}, "expected"),
        ({"within": "5 working days", "day_rule": "following-days", "cut_off": "16:00"}, "end at closing time"),
    ],
)
def test_a_setting_without_an_effect_is_refused_where_it_is_written(target: dict[str, Any], fault: str) -> None:
    document = {
        "targets": [{"measure": "resolution-time"} | target],
        "events": [{"at": "Mon 2026-06-01 10:00", "event": "opened"}],
        "as_of": "2026-06-02 10:00",
        "calendar": {"weekly": {"mon": ["09:00-17:00"]}},
    }

    with pytest.raises(ValueError, match=fault):
        try_target(json.dumps(document).encode(), written_in="json")
