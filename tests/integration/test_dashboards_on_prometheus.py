"""Every query of the dashboards, asked of the real Prometheus while it scrapes the demo with its year of example data.

The demo begins under its eyes, so that counters grow; then an exclusion corrects verdicts, and an agreement gets a new
version. Each query has to answer, with the labels that its legend names, unless its panel says when it is empty.
"""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tallystick.demo.sign_in import demo_token
from tests.support import servers
from tests.support.grafana import (
    DASHBOARDS,
    EVERYTHING,
    Asked,
    answered,
    asked_by_annotations,
    asked_by_panels,
    call_of_choice,
    choices,
    metrics_of,
    values_of_choice,
)
from tests.support.scraping import Prometheus, scraping
from tests.support.service_process import PATIENCE_S, clean_environment, eventually, get

COUNCIL, AGREEMENT = "adur", "ict-adur"
EVALUATED = "sum(tallystick_consumer_lag_records) == 0 and sum(tallystick_attainment_items) > 0"
BILLED = "sum(tallystick_charges_gbp) > 0"
CORRECTED = 'sum(tallystick_verdict_corrections_total{cause="exclusion"}) > 0'
ANNOUNCED = 'increase(tallystick_announced_versions_total{kind="agreement"}[1m]) > 0'
EVERY_QUERY = [
    asked
    for dashboard in DASHBOARDS.values()
    for asked in [*asked_by_panels(dashboard), *asked_by_annotations(dashboard)]
]
OF_COUNCILS = [asked for asked in EVERY_QUERY if "$council" in asked.expr]
# Nothing of it happens there, or not at once: the other panels have to answer, whatever their descriptions say.
MAY_BE_EMPTY_IN_THE_DEMO = {
    "Billing run: Usage that nobody counts over time A",
    "Pipeline health: Errors A",
    "Today: Alerts that fire A",
}
LINKED_PAGES = sorted(
    {
        url
        for each in DASHBOARDS.values()
        for url in re.findall(r'"url": "([^"]+)"', json.dumps(each))
        if "{pages" in url
    }
)
EVERY_CHOICE = [
    pytest.param(choice, id=f"{name}: {choice['name']}")
    for name, dashboard in DASHBOARDS.items()
    for choice in choices(dashboard).values()
]

OF_EVERY_ALERT = {"alertname", "severity"}


@dataclass(frozen=True, slots=True)
class ScrapedDemo:
    """The demo, and the Prometheus that watches it."""

    address: str
    token: str
    prometheus: Prometheus


@pytest.fixture(scope="module")
def stack(docker_engine: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScrapedDemo]:
    """Prometheus has seen the demo evaluate its year, verdicts being corrected, and a new version of an agreement."""
    port = servers.free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        scraping("demo", f"127.0.0.1:{port}", tmp_path_factory.mktemp("prometheus")) as running,
        running_demo(port, folder := tmp_path_factory.mktemp("var")),
    ):
        eventually(lambda: running.holds(EVALUATED))
        eventually(lambda: running.holds(BILLED))
        exclude_last_month(f"{address}/v1", folder)
        announce_a_version(f"{address}/v1", folder)
        eventually(lambda: running.holds(CORRECTED))
        eventually(lambda: running.holds(ANNOUNCED))
        yield ScrapedDemo(address, demo_token(folder), running)


@pytest.fixture(scope="module")
def prometheus(stack: ScrapedDemo) -> Prometheus:
    return stack.prometheus


@contextmanager
def running_demo(port: int, folder: Path) -> Iterator[None]:
    """The demo serves at the port until the block is left."""
    command = [sys.executable, "-m", "tallystick", "demo", "--port", str(port)]
    environment = clean_environment() | {"TALLYSTICK_VAR": str(folder)}
    with (folder / "log.txt").open("w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield
            assert process.poll() is None, (folder / "log.txt").read_text(encoding="utf-8")
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_S)


def exclude_last_month(address: str, folder: Path) -> None:
    """Both sides have agreed that a month of one council does not count."""
    now = datetime.now(UTC).replace(microsecond=0)
    exclusion = {
        "council": COUNCIL,
        "category": "planned-maintenance",
        "reason": "change-1432",
        "start_at": (now - timedelta(days=40)).isoformat(),
        "end_at": (now - timedelta(days=10)).isoformat(),
    }
    operator, officer = demo_token(folder), demo_token(folder, "council-finance", COUNCIL)
    send("POST", f"{address}/exclusions", operator, {"id": "X-7", "exclusion": exclusion})
    send("POST", f"{address}/exclusions/X-7/approve", officer, None)


def announce_a_version(address: str, folder: Path) -> None:
    """An agreement has one more version, with another cap of its credits: two people have agreed to it."""
    operator, officer = demo_token(folder), demo_token(folder, "council-finance", COUNCIL)
    asked = Request(f"{address}/agreements/{AGREEMENT}", headers={"Authorization": f"Bearer {operator}"})  # noqa: S310 (ours)
    with urlopen(asked, timeout=PATIENCE_S) as answer:  # noqa: S310 (ours)
        newest, definition = answer.headers["etag"], json.load(answer)["definition"]
    definition["credits"]["agreement_year_cap_gbp"] = "1600.00"
    proposal = send("PUT", f"{address}/agreements/{AGREEMENT}", operator, definition, {"If-Match": newest})
    send("POST", f"{address}/proposals/{proposal['id']}/approve", officer, {})


def send(method: str, url: str, token: str, body: object, headers: Mapping[str, str] | None = None) -> Any:
    """What the demo answers, which has accepted the body from whoever the token is of."""
    sent = {"Content-Type": "application/json", "Authorization": f"Bearer {token}", **(headers or {})}
    request = Request(url, data=json.dumps(body).encode(), headers=sent, method=method)  # noqa: S310 (ours)
    with urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310 (ours)
        assert answer.status in {200, 201, 202}
        return json.load(answer)


@pytest.mark.parametrize("asked", EVERY_QUERY, ids=lambda asked: asked.place)
def test_a_query_answers_with_the_labels_that_are_shown(prometheus: Prometheus, asked: Asked) -> None:
    found = answered(prometheus.data, asked, EVERYTHING)

    assert found or asked.place in MAY_BE_EMPTY_IN_THE_DEMO
    assert found or asked.may_be_empty, "the description does not say so"
    # An alert about a service names no council, and one about a council no service.
    expected = asked.labels & OF_EVERY_ALERT if asked.expr.startswith("ALERTS") else asked.labels
    assert [each["metric"] for each in found if expected - each["metric"].keys()] == []


@pytest.mark.parametrize("asked", OF_COUNCILS, ids=lambda asked: asked.place)
def test_a_query_answers_for_one_council_with_nothing_of_another(prometheus: Prometheus, asked: Asked) -> None:
    found = answered(prometheus.data, asked, EVERYTHING | {"council": COUNCIL})

    assert found or asked.place in MAY_BE_EMPTY_IN_THE_DEMO
    assert {each["metric"].get("council", COUNCIL) for each in found} <= {COUNCIL}


@pytest.mark.parametrize("choice", EVERY_CHOICE)
def test_a_variable_has_values_to_choose_from(prometheus: Prometheus, choice: dict[str, Any]) -> None:
    path, query = call_of_choice(choice, EVERYTHING)

    values = values_of_choice(choice, prometheus.data(path, **query))

    assert values
    if choice["name"] == "council":
        assert sorted(values) == ["adur", "worthing"]


@pytest.mark.parametrize("url", LINKED_PAGES)
def test_a_link_leads_to_a_page(stack: ScrapedDemo, url: str) -> None:
    decided = f'topk(1, tallystick_attainment_items{{council="{COUNCIL}"}})'
    (example,) = stack.prometheus.data("query", query=decided)["result"]
    values = {f"__data.fields.{name}": value for name, value in example["metric"].items()}
    values |= {"pages:raw": stack.address, "council:raw": COUNCIL, "__to:date:YYYY-MM": f"{datetime.now(UTC):%Y-%m}"}
    address, _, anchor = re.sub(r"\$\{([^}]+)\}", lambda found: values[found[1]], url).partition("#")

    status, page = get(address, accept="text/html", headers={"Authorization": f"Bearer {stack.token}"})

    assert status == 200
    assert not anchor or f'id="{anchor}"' in page


def test_every_metric_of_a_query_is_there(prometheus: Prometheus) -> None:
    names = set(prometheus.data("label/__name__/values"))
    wanted = {name for asked in EVERY_QUERY for name in metrics_of(asked)}

    assert wanted
    assert wanted - names == set()
