"""The production shape: each service a process, talking over Kafka, on Redis and PostgreSQL."""

import asyncio
import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx2
import pytest
from testcontainers.core.container import DockerContainer

from shared.bus.connect import connect
from shared.contracts.codec import encode_event
from shared.contracts.topics import TICKETS
from shared.log.port import Message
from tests.support import servers
from tests.support.callers import SIGNING_KEY, token
from tests.support.databases import empty_database
from tests.support.kafka_broker import answers, frozen, stopped
from tests.support.monitoring import ticket
from tests.support.postgres import Postgres, own_postgres
from tests.support.service_process import (
    SERVICES,
    STOPS_WITHIN_S,
    ServiceProcess,
    eventually,
    run_to_end,
    running_service,
)


@dataclass(frozen=True, slots=True)
class Production:
    """Servers that nobody else uses."""

    kafka: str
    redis: DockerContainer
    postgres: Postgres
    databases: dict[str, str]

    def env(self, service: str) -> dict[str, str]:
        """The settings of one service."""
        return {
            "BUS_URL": self.bus,
            "STATE_URL": servers.redis_address(self.redis),
            "DATABASE_URL": self.databases[service],
            "SIGNING_KEY": SIGNING_KEY,
        }

    @contextmanager
    def frozen_redis(self) -> Iterator[None]:
        """Redis answers nothing meanwhile, though its connections stay open."""
        container = self.redis.get_wrapped_container()
        container.pause()
        try:
            yield
        finally:
            container.unpause()

    @property
    def bus(self) -> str:
        """The address of the log."""
        return f"kafka://{self.kafka}"


@pytest.fixture(scope="module")
def production(docker_engine: None) -> Iterator[Production]:
    with ExitStack() as stack:
        kafka, redis = stack.enter_context(servers.kafka()), stack.enter_context(servers.redis_container())
        postgres = stack.enter_context(own_postgres())
        owner = postgres.url("tallystick", "tallystick")
        databases = {service: stack.enter_context(empty_database(owner)) for service in SERVICES}
        yield Production(kafka, redis, postgres, databases)


def test_a_service_refuses_a_database_that_was_not_migrated_and_names_the_command(production: Production) -> None:
    refused = run_to_end("-m", "catalogue", env=production.env("catalogue"))
    assert refused.returncode == 1
    assert "python -m catalogue migrate" in json.loads(refused.stdout.splitlines()[-1])["reason"]


@pytest.fixture(scope="module")
def prepared(production: Production) -> None:
    """Schemas, topics and an example are there."""
    for service in SERVICES:
        assert run_to_end("-m", service, "migrate", env=production.env(service)).returncode == 0
    topics = run_to_end("-m", "shared.bus", "topics", "create", env={"BUS_URL": production.bus})
    assert topics.returncode == 0, topics.stderr
    loaded = run_to_end("-m", "catalogue", "load", "adur-worthing", env=production.env("catalogue"))
    assert loaded.returncode == 0, loaded.stdout


def test_the_services_work_together_and_monitors_share_the_shards(production: Production, prepared: None) -> None:
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(running_service("-m", name, env=production.env(name))) for name in SERVICES
        }
        asyncio.run(send_a_ticket(production.bus))
        for service in running.values():
            eventually(service.is_ready)
        monitor, billing = running["sla_monitor"], running["billing"]
        eventually(lambda: "ICT" in attainment(monitor)[1])
        eventually(lambda: "1" in tickets_charged(billing))

        second = stack.enter_context(running_service("-m", "sla_monitor", env=production.env("sla_monitor")))
        eventually(lambda: shards(monitor) == shards(second) == 12)


def test_a_service_whose_database_is_frozen_lives_is_not_ready_and_goes_on(
    production: Production, prepared: None
) -> None:
    with running_service("-m", "billing", env=production.env("billing")) as billing:
        eventually(billing.is_ready)
        with production.postgres.frozen():
            eventually(lambda: not billing.is_ready())

            assert billing.admin("/livez")[0] == 200
            assert {name for name, part in parts(billing).items() if not part["ok"]} >= {"database", "schema"}
        eventually(billing.is_ready)


def test_while_redis_is_frozen_it_is_blamed_and_the_log_is_not_and_lag_goes_on_growing(
    production: Production, prepared: None
) -> None:
    with running_service("-m", "sla_monitor", env=production.env("sla_monitor")) as monitor:
        eventually(monitor.is_ready)
        with production.frozen_redis():
            eventually(lambda: not parts(monitor)["state"]["ok"])
            asyncio.run(send_a_ticket(production.bus))
            eventually(lambda: lag(monitor) > 0)

            until = time.monotonic() + 40  # longer than brokers may leave readers without an answer
            while time.monotonic() < until:
                assert parts(monitor)["bus"] == {"ok": True, "detail": "answers"}
                time.sleep(1)
        eventually(monitor.is_ready)
        eventually(lambda: lag(monitor) == 0)


def test_while_kafka_is_away_pages_are_served_few_lines_are_logged_and_work_goes_on_afterwards(
    production: Production, prepared: None
) -> None:
    with ExitStack() as stack:
        monitor, billing = (
            stack.enter_context(running_service("-m", name, env=production.env(name)))
            for name in ("sla_monitor", "billing")
        )
        eventually(monitor.is_ready)
        eventually(billing.is_ready)
        asyncio.run(send_a_ticket(production.bus))
        eventually(lambda: attainment(monitor)[0] == 200 and "1" in tickets_charged(billing))
        before = [(service, len(service.logged)) for service in (monitor, billing)]
        with stopped(production.kafka):
            eventually(lambda: not parts(monitor)["bus"]["ok"])
            time.sleep(45)  # no claim about speed: what is asked of a broker is given up after 15 s, and asked again

            assert attainment(monitor)[0] == 200
            assert monitor.public("/v1/attainment?month=2026-10")[0] == 200
            assert billing.public("/v1/statements/adur/2026-10")[0] == 200
            failed = {name: part["detail"] for name, part in parts(monitor).items() if not part["ok"]}
            assert failed.keys() == {"bus", "group sla-monitor", "group sla-monitor-read-model"}
            assert {failed[name] for name in failed if name != "bus"} == {"the log does not answer"}
            eventually(lambda: "tallystick_consumer_lag_records{" not in monitor.admin("/metrics")[1])

        eventually(monitor.is_ready)
        eventually(billing.is_ready)
        asyncio.run(send_a_ticket(production.bus, item="AFTER"))
        eventually(lambda: monitor.public("/v1/items/AFTER?council=adur")[0] == 200)
        eventually(lambda: "2" in tickets_charged(billing))

        for service, lines in before:
            since = [(line["event"], line.get("store"), line.get("logger")) for line in service.logged[lines:]]
            assert len(since) < 15, since
            assert next(event for event, store, _ in since if store == "bus") == "store.down"
            eventually(partial(has_logged, service, "store.up"))


# One of them in CI: the three stop by the same code.
@pytest.mark.parametrize(
    "service", [SERVICES[0], *(pytest.param(each, marks=pytest.mark.long) for each in SERVICES[1:])]
)
def test_a_service_ends_soon_after_the_time_it_has_to_stop_though_kafka_does_not_answer(
    service: str, production: Production, prepared: None
) -> None:
    eventually(lambda: asyncio.run(answers(production.kafka)))
    with running_service("-m", service, env=production.env(service)) as running:
        eventually(running.is_ready)
        with frozen(production.kafka):
            running.send_signal(signal.SIGTERM)

            # By itself, or by its watchdog where it still waits for an answer.
            assert running.ended(within_s=STOPS_WITHIN_S + 5) in {0, 70}


async def send_a_ticket(bus_url: str, *, item: str = "T1") -> None:
    events = ticket(("Mon 2026-10-05 09:00", "opened"), ("Mon 2026-10-05 09:30", "resolved"), item=item)
    bus = connect(bus_url)
    try:
        await bus.publish(TICKETS.name, [Message(event.key, encode_event(event)) for event in events])
    finally:
        await bus.close()


def tickets_charged(billing: ServiceProcess) -> set[str]:
    """The quantities of the lines that adur's statement of October has for ICT."""
    status, body = billing.public("/v1/statements/adur/2026-10")
    if status != 200:
        return set()
    services = {each["id"]: each["lines"] for each in json.loads(body)["services"]}
    return {line["quantity"] for line in services.get("ict", [])}


def attainment(monitor: ServiceProcess) -> tuple[int, str]:
    """Status and text of its page of October."""
    return monitor.public("/attainment?month=2026-10", accept="text/html")


def shards(monitor: ServiceProcess) -> int | None:
    """How many of the 24 shards of tickets and work it has, as it reports itself."""
    found = re.search(r"in (\d+) shards", parts(monitor)["group sla-monitor"]["detail"])
    return int(found[1]) if found else None


def has_logged(service: ServiceProcess, event: str) -> bool:
    """Whether its log has a line of that name."""
    return any(line["event"] == event for line in service.logged)


def lag(service: ServiceProcess) -> float:
    """How many records of tickets are unread, as the service exports it."""
    sample = r'^tallystick_consumer_lag_records\{group="sla-monitor",.*topic="provider.tickets.v1"\} (.*)$'
    return sum(map(float, re.findall(sample, service.admin("/metrics")[1], re.MULTILINE)))


def parts(service: ServiceProcess) -> dict[str, Any]:
    """What each part of a service reports."""
    reported: dict[str, Any] = json.loads(service.admin("/readyz")[1])["parts"]
    return reported


OPERATOR = "tsc_0123456789abcdef", "tss_" + "0123456789a" * 3 + "0123456789"
# A figure of each service that whoever may read figures is answered.
FIGURES = {"catalogue": "/v1/tariffs", "sla_monitor": "/v1/exclusions", "billing": "/v1/statements?month=2026-10"}


def test_what_is_taken_back_holds_in_every_service_on_kafka_and_postgresql(
    production: Production, prepared: None
) -> None:
    names = {"TALLYSTICK_CLIENT_ID": OPERATOR[0], "TALLYSTICK_CLIENT_SECRET": OPERATOR[1]}
    made = run_to_end("-m", "catalogue", "bootstrap", env={**production.env("catalogue"), **names})
    assert made.returncode == 0, made.stdout
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(running_service("-m", name, env=production.env(name))) for name in SERVICES
        }
        for service in running.values():
            eventually(service.is_ready)
        asked = {name: stack.enter_context(client_of(service)) for name, service in running.items()}
        operator = {"Authorization": f"Bearer {token_of(asked['catalogue'], *OPERATOR)}"}

        auditor = {"title": "Auditor", "roles": ["auditor"]}
        credentials = asked["catalogue"].post("/v1/clients", json=auditor, headers=operator).json()
        program = token_of(asked["catalogue"], credentials["client"]["id"], credentials["client_secret"])
        new = {"subject": "s", "issuer": "https://provider.example", "roles": ["auditor"], "councils": None}
        person = asked["catalogue"].post("/v1/people", json=new, headers=operator).json()["id"]
        officer = token("auditor", name=person)
        assert statuses(asked, program) == statuses(asked, officer) == dict.fromkeys(SERVICES, 200)

        revoked = asked["catalogue"].delete(f"/v1/clients/{credentials['client']['id']}", headers=operator)
        assert revoked.status_code == 200
        within("a revoked client", lambda: statuses(asked, program) == dict.fromkeys(SERVICES, 401))

        access = {"roles": ["council-viewer"], "councils": ["adur"]}
        changed = asked["catalogue"].put(f"/v1/people/{person}", json=access, headers=operator)
        assert changed.status_code == 200
        within("a changed role", lambda: statuses(asked, officer) == dict.fromkeys(SERVICES, 401))


def client_of(service: ServiceProcess) -> httpx2.Client:
    port = service.log_of("service.started")["http"]
    return httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)


def token_of(catalogue: httpx2.Client, id_: str, secret: str) -> str:
    answer = catalogue.post("/v1/token", data={"grant_type": "client_credentials"}, auth=(id_, secret))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def statuses(asked: dict[str, httpx2.Client], token_: str) -> dict[str, int]:
    headers = {"Authorization": f"Bearer {token_}"}
    return {name: asked[name].get(FIGURES[name], headers=headers).status_code for name in asked}


def within(what: str, holds: Callable[[], bool]) -> None:
    """It has become true; how soon is printed, and no claim of the test, which may share its machine."""
    began = time.monotonic()
    eventually(holds)
    print(f"{what}: everywhere after {time.monotonic() - began:.2f} s")  # noqa: T201 (a measure)
