"""What is deployed: ports that only this machine reaches, and alerts that say what they mean and what to do."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
PORTS = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
ALERTS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("name", PORTS)
def test_a_published_port_is_bound_to_this_machine_by_default(name: str) -> None:
    addresses = [port.partition(":$")[0].removeprefix("${TALLYSTICK_BIND:-") for port in PORTS[name]]

    assert [address for address in addresses if not address.startswith("127.0.0.1")] == []


def test_each_alert_has_its_section_of_the_page_and_each_section_its_alert() -> None:
    sections = re.findall(r"^## (.+)$", (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert sections == [rule["alert"] for rule in RULES]


def test_each_alert_says_how_urgent_it_is_what_has_happened_and_where_to_read_on() -> None:
    for rule in RULES:
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description", "runbook"}, rule["alert"]
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{rule['alert'].lower()}"
