"""The rules of deploy/prometheus, and cases of what makes each alert fire and what does not, run by promtool."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULE_FILES = sorted((PROMETHEUS / "rules").glob("*.yml"))
# As deploy/prometheus/prometheus.yml has it.
INTERVAL = "15s"
DOCS = "https://docs.example/"


@dataclass(frozen=True, slots=True)
class Firing:
    """The labels of an alert that fires, without its severity, and the two sentences that people read."""

    labels: Mapping[str, str]
    summary: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCase:
    """What Prometheus has scraped, in promtool's notation, and which alerts of one kind fire at an instant.

    `_` is a scrape without the series: `_x4 1x20` is born as 1 after a minute.
    """

    name: str
    alert: str
    series: Mapping[str, str]
    at: str
    fires: Sequence[Firing] = field(default=())

    @property
    def is_born(self) -> bool:
        """Whether a series begins later than the others, with a value that is not 0."""
        return any(values.startswith("_") for values in self.series.values())


def rule_groups() -> list[dict[str, Any]]:
    """The groups of every file."""
    return [group for path in RULE_FILES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]


def alerts() -> list[dict[str, Any]]:
    """Every alert, in the order of the files."""
    return [rule for group in rule_groups() for rule in group["rules"] if "alert" in rule]


def promtool_document(cases: Sequence[AlertCase]) -> dict[str, Any]:
    """The cases as `promtool test rules` reads them, beside a folder `rules`."""
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}
    return {
        "rule_files": [f"rules/{path.name}" for path in RULE_FILES],
        "evaluation_interval": INTERVAL,
        "tests": [_test(case, severities[case.alert]) for case in cases],
    }


def run_promtool(image: str, folder: Path, cases: Sequence[AlertCase]) -> str:
    """What promtool of the image has to say about the cases: nothing where all hold. `folder` is the test's own."""
    (folder / "cases.yml").write_text(json.dumps(promtool_document(cases)), encoding="utf-8")
    mounts = ["-v", f"{PROMETHEUS / 'rules'}:/cases/rules:ro", "-v", f"{folder / 'cases.yml'}:/cases/cases.yml:ro"]
    command = ["docker", "run", "--rm", *mounts, "--entrypoint", "promtool", image, "test", "rules", "/cases/cases.yml"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout + ended.stderr if ended.returncode else ""


def _test(case: AlertCase, severity: str) -> dict[str, Any]:
    runbook = f"{DOCS}docs/runbooks/{case.alert}.md"
    expected = [
        {
            "exp_labels": {"severity": severity, **firing.labels},
            "exp_annotations": {
                "summary": firing.summary,
                "description": firing.description,
                "runbook_url": runbook,
            },
        }
        for firing in case.fires
    ]
    return {
        "name": f"{case.alert}: {case.name}",
        "interval": INTERVAL,
        "external_labels": {"tallystick_docs": DOCS},
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [{"eval_time": case.at, "alertname": case.alert, "exp_alerts": expected}],
    }
