"""docker compose brings up the production shape: it works, keeps its data, shares its work, and is monitored.

Events come as an integrator sends them: JSON through a plain Kafka client, and no code of the product.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.compose_project import STARTED, ComposeProject, compose_project
from tests.support.grafana import (
    DASHBOARDS,
    EVERYTHING,
    answered,
    asked_by_panels,
    call_of_choice,
    choices,
    values_of_choice,
)
from tests.support.service_process import eventually

COUNCIL, ITEM, WORK = "adur", "E2E-1", "E2E-2"
MONITORS = 3


def tuesday_of_last_month() -> date:
    """The second Tuesday of last month: no bank holiday ever falls on it."""
    last = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    first = last.replace(day=1)
    return first + timedelta(days=(1 - first.weekday()) % 7 + 7)


DAY = tuesday_of_last_month()
MONTH = f"{DAY:%Y-%m}"


def event(kind: str, subject: str, at: str, **data: Any) -> tuple[bytes, bytes]:
    """Key and value of a record, as docs/events.md describes them."""
    body = {
        "specversion": "1.0",
        "type": f"tallystick.{kind}.v1",
        "id": f"{subject}-{kind}",
        "source": "/councils/adur/systems/e2e",
        "time": f"{DAY}T{at}:00Z",
        "subject": subject,
        "council": COUNCIL,
        "data": data,
    }
    return f"{COUNCIL}:{subject}".encode(), json.dumps(body).encode()


EVENTS = {
    "provider.tickets.v1": [
        event("ticket.opened", ITEM, "10:00", service="ict", priority="normal"),
        event("ticket.responded", ITEM, "10:20"),
        event("ticket.resolved", ITEM, "11:00"),
    ],
    "provider.work.v1": [
        event("work.received", WORK, "10:00", service="accounts-payable"),
        event("work.completed", WORK, "10:30", units="7"),
    ],
}


@pytest.fixture(scope="module")
def stack(docker_engine: None) -> Iterator[ComposeProject]:
    """The containers, with an example partnership loaded and an integrator's events sent."""
    with compose_project() as project:
        project.compose("run", "--rm", "catalogue", "load", "adur-worthing")
        project.up()
        asyncio.run(publish(project.kafka_port, EVENTS))
        eventually(lambda: seen(project)[0] == {"ict-response": "met", "ict-resolution": "met"})
        yield project


async def publish(port: int, events: Mapping[str, Sequence[tuple[bytes, bytes]]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=f"localhost:{port}", acks="all")
    await producer.start()
    try:
        for topic, records in events.items():
            for key, value in records:
                await producer.send_and_wait(topic, value, key=key)
    finally:
        await producer.stop()


def seen(stack: ComposeProject) -> tuple[dict[str, str], str]:
    """The outcome of each target of the ticket, and the statement of the month, as councils see them."""
    item, statement = stack.get(f"/v1/items/{ITEM}?council={COUNCIL}"), stack.get(f"/v1/statements/{COUNCIL}/{MONTH}")
    if (item[0], statement[0]) != (200, 200):
        return {}, ""
    verdicts = json.loads(item[1])["verdicts"]
    return {each["target"]: each["verdict"] for each in verdicts}, statement[1]


def counted(statement: str, service: str) -> set[str]:
    """The quantities of a service's lines."""
    services = json.loads(statement)["services"] if statement else []
    return {line["quantity"] for each in services if each["id"] == service for line in each["lines"]}


def test_an_integrators_events_become_verdicts_and_a_statement(stack: ComposeProject) -> None:
    assert seen(stack)[0] == {"ict-response": "met", "ict-resolution": "met"}
    eventually(lambda: "7" in counted(seen(stack)[1], "accounts-payable"))


def test_what_operators_see_is_not_behind_the_gateway(stack: ComposeProject) -> None:
    paths = ("/metrics", "/readyz", "/livez", "/openapi.json", "/docs", "/v1/councils/../../metrics")

    assert {path: stack.get(path)[0] for path in paths} == dict.fromkeys(paths, 404)


def test_containers_run_as_nobody_on_a_root_that_cannot_be_written(stack: ComposeProject) -> None:
    for service in ("catalogue", "sla-monitor", "billing"):
        script = "id -u; touch /app/x 2>&1; command -v gcc make pip; true"
        output = stack.compose("exec", "-T", service, "sh", "-c", script)

        assert output.startswith("10001\n"), output
        assert "Read-only file system" in output
        assert not [line for line in output.splitlines() if line.endswith(("gcc", "make"))]


def test_every_service_is_scraped_and_every_alert_can_be_evaluated(stack: ComposeProject) -> None:
    def up() -> set[str]:
        return {found["metric"]["job"] for found in stack.prometheus("query", query="up == 1")["result"]}

    eventually(lambda: up() == {"catalogue", "sla-monitor", "billing"})
    rules = [rule for group in stack.prometheus("rules")["groups"] for rule in group["rules"]]
    eventually(lambda: bool(stack.prometheus("query", query="tallystick_consumer_unaccounted_records")["result"]))

    assert len(rules) > 8
    assert [rule for rule in rules if rule.get("lastError")] == []
    firing = {rule["name"] for rule in rules if stack.prometheus("query", query=rule["query"])["result"]}
    assert firing & {"RecordsUnaccounted", "RecordsQuarantined", "PartitionHalted"} == set()


@pytest.mark.long  # tests/integration/test_dashboards_on_prometheus.py asks the same of services outside of containers
def test_the_dashboards_find_each_service_and_every_figure(stack: ComposeProject) -> None:
    services = choices(DASHBOARDS["pipeline-health"])["job"]
    path, query = call_of_choice(services, EVERYTHING)
    asked = [each for dashboard in DASHBOARDS.values() for each in asked_by_panels(dashboard) if not each.may_be_empty]

    def without_answer() -> list[str]:
        return [each.place for each in asked if not answered(stack.prometheus, each, EVERYTHING)]

    eventually(lambda: without_answer() == [])
    assert len(asked) > 50
    assert set(values_of_choice(services, stack.prometheus(path, **query))) == {"catalogue", "sla-monitor", "billing"}


def test_after_a_restart_of_everything_councils_see_the_same(stack: ComposeProject) -> None:
    before = seen(stack)
    assert before[0]

    stack.compose("restart", *STARTED)
    stack.up()

    eventually(lambda: seen(stack) == before)


@pytest.mark.long  # tests/integration/test_services_on_servers.py has monitors share them outside of containers
def test_three_monitors_share_the_partitions(stack: ComposeProject) -> None:
    stack.up("--scale", f"sla-monitor={MONITORS}", "--no-recreate")

    eventually(lambda: len(set(stack.owners("sla-monitor")) - {"-"}) == MONITORS)
    shares = Counter(stack.owners("sla-monitor")).values()

    assert sum(shares) == 24
    assert max(shares) - min(shares) <= 2


def test_every_verb_that_asks_answers_in_the_tools_container(stack: ComposeProject) -> None:
    draft = 'calendars: [{id: office, name: Office, weekly: {mon: ["09:00-17:00"]}}]'
    evidence = f"tallystick export evidence {COUNCIL} {MONTH} --to /tmp/e && tallystick verify /tmp/e"
    what_if = f"echo '{draft}' > /tmp/d.yaml; tallystick what-if /tmp/d.yaml --from {MONTH} --to {MONTH} --json"

    explained = json.loads(tools(stack, f"tallystick explain {ITEM} --json"))
    statement = tools(stack, f"tallystick statement {COUNCIL} {MONTH} --json")
    verified = tools(stack, evidence)
    tried = json.loads(tools(stack, what_if))
    corrected = tools(stack, f"tallystick correct --from {DAY} --to {DAY + timedelta(days=1)} --name e2e")

    outcomes, served = seen(stack)
    assert {each["target"]: each["verdict"] for each in explained["verdicts"]} == outcomes
    assert json.loads(statement) == json.loads(served)
    assert "No difference was found." in verified
    assert (tried["items"], tried["changed"]) == (2, 0)
    assert "e2e is proposed, and changes nothing until somebody else approves it" in corrected


def test_a_flood_is_listed_and_what_readyz_prints_releases_the_partition_of_every_service(
    stack: ComposeProject,
) -> None:
    asyncio.run(publish(stack.kafka_port, {"provider.work.v1": [(b"adur:E2E-3", b"no JSON")] * 12}))

    eventually(lambda: bool(printed_for_a_halt(stack)))
    eventually(lambda: "10 open." in tools(stack, "tallystick quarantine list --service sla-monitor"))
    accepted = tools(stack, f"{printed_for_a_halt(stack)} --actor e2e --yes")

    assert {line.split()[0] for line in accepted.splitlines()} == {"sla-monitor", "billing"}
    for service in ("sla-monitor", "billing"):
        eventually(partial(lists_all_of_the_flood, stack, service))


def printed_for_a_halt(stack: ComposeProject) -> str:
    """The command that billing's /readyz prints for a halted partition; empty where none is halted."""
    asking = (
        "from http.client import HTTPConnection; to = HTTPConnection('localhost', 9080); to.request('GET', '/readyz'); "
        "print(to.getresponse().read().decode())"
    )
    parts = json.loads(stack.compose("exec", "-T", "billing", "python", "-c", asking))["parts"]
    found = re.findall(r"`(tallystick [^`]+)`", " ".join(part["detail"] for part in parts.values()))
    return found[0] if found else ""


def lists_all_of_the_flood(stack: ComposeProject, service: str) -> bool:
    """All twelve are quarantined by the service, and wait for a decision."""
    return "12 open." in tools(stack, f"tallystick quarantine list --service {service}")


def tools(stack: ComposeProject, script: str) -> str:
    """What a shell of the container `tools` prints, as compose starts it."""
    return stack.compose("run", "--rm", "-T", "--entrypoint", "sh", "tools", "-c", script)
