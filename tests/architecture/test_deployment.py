"""What is deployed: ports that only this machine reaches, and alerts that say what they mean and what to do."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.alerts import alerts, rule_groups

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
PORTS = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
ALERTS = alerts()
RUNBOOKS = ROOT / "docs" / "runbooks"
# What each runbook answers, in this order.
SECTIONS = ["What it means for councils", "How to see it", "What to do", "How to know that it is over"]
URGENCIES = {"page": "Page.", "ticket": "Ticket.", "none": "Always."}


@pytest.mark.parametrize("name", PORTS)
def test_a_published_port_is_bound_to_this_machine_by_default(name: str) -> None:
    addresses = [port.partition(":$")[0].removeprefix("${TALLYSTICK_BIND:-") for port in PORTS[name]]

    assert [address for address in addresses if not address.startswith("127.0.0.1")] == []


def test_each_alert_has_its_runbook_and_each_runbook_its_alert_and_its_line_in_the_list() -> None:
    listed = re.findall(r"\(runbooks/(\w+)\.md\)", (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8"))

    assert sorted(path.stem for path in RUNBOOKS.iterdir()) == sorted(rule["alert"] for rule in ALERTS)
    assert sorted(listed) == sorted(rule["alert"] for rule in ALERTS)


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_urgent_it_is_what_has_happened_and_where_to_read_on(rule: dict[str, Any]) -> None:
    severity = rule["labels"]["severity"]
    link = f"{{{{ $externalLabels.tallystick_docs }}}}docs/runbooks/{rule['alert']}.md"

    assert severity in URGENCIES
    assert (severity == "none") == (rule["alert"] == "Watchdog")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert rule["annotations"]["runbook_url"] == link


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_a_runbook_says_how_urgent_it_is_what_it_means_what_to_do_and_when_it_is_over(rule: dict[str, Any]) -> None:
    page = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    title, _, body = page.partition("\n")

    assert title == f"# {rule['alert']}"
    assert body.lstrip().startswith(URGENCIES[rule["labels"]["severity"]])
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == SECTIONS
    assert all(len(section.strip()) > 15 for section in re.split(r"^## .+$", page, flags=re.MULTILINE)[1:])


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_the_metrics_that_a_runbook_names_exist(rule: dict[str, Any]) -> None:
    page = (RUNBOOKS / f"{rule['alert']}.md").read_text(encoding="utf-8")
    metrics = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    recorded = {each["record"] for group in rule_groups() for each in group["rules"] if "record" in each}

    for name in re.findall(r"[a-z:]*tallystick_[a-z_:]+(?=[{`\s\[)])", page):
        assert name in recorded or f"| `{name.removesuffix('_bucket')}` |" in metrics, name


def test_the_gateway_serves_the_pages_that_links_of_alerts_lead_to() -> None:
    conf = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text(encoding="utf-8")
    (served,) = re.findall(r"location ~ (\S+) \{\s+root /srv;", conf)

    assert all(re.search(served, f"/docs/runbooks/{rule['alert']}.md") for rule in ALERTS)
    assert "./docs:/srv/docs:ro" in SERVICES["gateway"]["volumes"]
    assert SERVICES["prometheus"]["environment"]["TALLYSTICK_DOCS"].endswith("/}")
