"""docker compose brings up the production shape: it works, keeps its data, shares its work, and is monitored.

Events come as an integrator sends them: JSON through a plain Kafka client, and no code of the product.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from tests.support.compose_project import STARTED, ComposeProject, compose_project
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


def test_every_metric_that_an_alert_names_exists(stack: ComposeProject) -> None:
    names = set(stack.prometheus("label/__name__/values"))
    alerts = [rule["query"] for group in stack.prometheus("rules")["groups"] for rule in group["rules"]]
    named = {word for query in alerts for word in words(query) if word.startswith("tallystick_")}

    assert named
    assert named - names == set()


def test_after_a_restart_of_everything_councils_see_the_same(stack: ComposeProject) -> None:
    before = seen(stack)
    assert before[0]

    stack.compose("restart", *STARTED)
    stack.up()

    eventually(lambda: seen(stack) == before)


def test_three_monitors_share_the_partitions(stack: ComposeProject) -> None:
    stack.up("--scale", f"sla-monitor={MONITORS}", "--no-recreate")

    eventually(lambda: len(set(stack.owners("sla-monitor")) - {"-"}) == MONITORS)
    shares = Counter(stack.owners("sla-monitor")).values()

    assert sum(shares) == 24
    assert max(shares) - min(shares) <= 2


def test_an_operator_sees_what_is_quarantined(stack: ComposeProject) -> None:
    asyncio.run(publish(stack.kafka_port, {"provider.work.v1": [(b"adur:E2E-3", b"no JSON")]}))

    for service, database in (("sla-monitor", "sla_monitor"), ("billing", "billing")):
        eventually(partial(lists_quarantined, stack, service, database))


def lists_quarantined(stack: ComposeProject, service: str, database: str) -> bool:
    """A record of the work items' topic is listed as quarantined."""
    address = ("-e", f"DATABASE_URL_FILE=/run/secrets/{database}_app_url")
    listed = ("run", "--rm", "-T", *address, "tools", "quarantine", "list", "--service", service)
    return "provider.work.v1" in stack.compose(*listed)


def words(query: str) -> list[str]:
    """The names and words of a PromQL expression."""
    return "".join(letter if letter.isalnum() or letter == "_" else " " for letter in query).split()
