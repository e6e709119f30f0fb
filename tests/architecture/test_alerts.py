"""Whoever is woken by an alert finds what it means and what to do."""

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


def test_each_alert_has_its_part_of_the_page_and_each_part_its_alert() -> None:
    parts = re.findall(r"^## (.+)$", (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert parts == [rule["alert"] for rule in RULES]


def test_each_alert_says_how_urgent_it_is_what_has_happened_and_where_to_read_on() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}, rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
