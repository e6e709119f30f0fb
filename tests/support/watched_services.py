"""The services as processes on real servers of their own, each scraped by a real Prometheus with the deployed rules."""

import asyncio
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import NullPool, create_engine, text
from testcontainers.core.container import DockerContainer

from shared.bus.connect import connect
from shared.contracts.topics import TOPICS
from shared.log.port import Message
from tests.support import servers
from tests.support.callers import SIGNING_KEY
from tests.support.databases import empty_database
from tests.support.postgres import Postgres, own_postgres
from tests.support.production_shape import led
from tests.support.scraping import Prometheus, scraping_all
from tests.support.service_process import SERVICES, ServiceProcess, eventually, run_to_end, running_service

# Instances and the jobs under which Prometheus knows them.
INSTANCES = {"catalogue": "catalogue", "first": "sla-monitor", "second": "sla-monitor", "billing": "billing"}
# A release of the monitor with a bug, which items of that name bring about.
BUGGY_MONITOR = """
import runpy
from sla_monitor.store import items
judged = items.evaluate
def planted(facts, *, item, **about):
    if item.startswith("BUG-"):
        raise ZeroDivisionError("planted")
    return judged(facts, item=item, **about)
items.evaluate = planted
runpy.run_module("sla_monitor", run_name="__main__", alter_sys=True)
"""
# A release of billing with a bug, which thirteen of anything on one day bring about: its database counts fourteen.
BUGGY_BILLING = """
import runpy
from dataclasses import replace
from billing.store.usage import SqlUsage
counted = SqlUsage.of_month
def planted(self, month, council):
    found = counted(self, month, council)
    return [replace(each, quantity=each.quantity + 1) if each.quantity == 13 else each for each in found]
SqlUsage.of_month = planted
runpy.run_module("billing", run_name="__main__", alter_sys=True)
"""
_BUGGY = {"sla_monitor": BUGGY_MONITOR, "billing": BUGGY_BILLING}
# Its desk is always open, so that a test causes at any hour what only happens in working time.
PARTNERSHIP = """
about: {title: Always open, illustrative: Every figure is illustrative.}
services_from: standard
provider: {id: joint, name: Joint officers}
partnership: {id: always-open, name: Always open, provider: joint, councils: [adur, worthing]}
councils:
  - {id: adur, name: Adur District Council, gss: E07000223, nation: england}
  - {id: worthing, name: Worthing Borough Council, gss: E07000229, nation: england}
calendars:
  - id: always
    name: Always open
    weekly: {mon: [H], tue: [H], wed: [H], thu: [H], fri: [H], sat: [H], sun: [H]}
target_sets:
  desk:
    - {id: solve, service: ict, measure: resolution-time, when: {priority: [urgent, normal]},
       within: 10 working minutes, calendar: always, objective: {percent: "90"}}
agreements:
  - id: desk
    councils: [adur, worthing]
    provider: joint
    title: Service desk
    effective_from: 2024-04-01
    targets: [desk]
    tariffs: [ict]
    credits:
      point_gbp: "25.00"
      targets:
        - {target: solve, bands: [{shortfall_from: "0", credit: {kind: points, points: 2}}]}
      rectification: {points: 2, due_days: 14}
""".replace("[H]", '["00:00-24:00"]')
LIMIT = timedelta(minutes=10)  # of the target


@dataclass
class WatchedServices:
    """Servers that nobody else uses, the services on them, and who watches."""

    kafka: str
    redis: DockerContainer
    postgres: Postgres
    databases: dict[str, str]
    ports: dict[str, int]
    prometheus: Prometheus
    settings: Mapping[str, str] = field(default_factory=dict)
    running: dict[str, ServiceProcess] = field(default_factory=dict)
    _stacks: dict[str, ExitStack] = field(default_factory=dict)

    def env(self, service: str) -> dict[str, str]:
        """The settings of one service."""
        stores = {"STATE_URL": servers.redis_address(self.redis), "DATABASE_URL": self.databases[service]}
        return {"BUS_URL": f"kafka://{self.kafka}", "SIGNING_KEY": SIGNING_KEY, **stores, **self.settings}

    def start(self, instance: str) -> None:
        """The instance runs, at its own address."""
        service = INSTANCES[instance].replace("-", "_")
        command = ("-c", _BUGGY[service]) if service in _BUGGY else ("-m", service)
        env = self.env(service) | {"ADMIN_PORT": str(self.ports[instance])}
        self._stacks[instance] = stack = ExitStack()
        self.running[instance] = stack.enter_context(running_service(*command, env=env))

    def stop(self, instance: str) -> None:
        """The instance has ended by itself, as it was asked to."""
        del self.running[instance]
        self._stacks.pop(instance).close()

    @contextmanager
    def frozen(self, instance: str) -> Iterator[None]:
        """The process does nothing meanwhile."""
        self.running[instance].send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.running[instance].send_signal(signal.SIGCONT)

    @contextmanager
    def frozen_redis(self) -> Iterator[None]:
        """Redis answers nothing meanwhile, though its connections stay open."""
        container = self.redis.get_wrapped_container()
        container.pause()
        try:
            yield
        finally:
            container.unpause()

    def send(self, topic: str, *records: tuple[str, bytes]) -> None:
        """The records are in the log, by their keys."""

        async def publish() -> None:
            bus = connect(f"kafka://{self.kafka}")
            try:
                await bus.publish(topic, [Message(key, value) for key, value in records])
            finally:
                await bus.close()

        asyncio.run(publish())

    def sql(self, service: str, statement: str) -> None:
        """Somebody has changed the service's database by hand."""
        engine = create_engine(self.databases[service], poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text(statement))

    def raises(self, alert: str, **labels: str) -> bool:
        """Whether the alert is pending or firing with these labels, among others."""
        return any(labels.items() <= each.items() for each in self.prometheus.raised(alert))


def opened(item: str, *, ago: timedelta = timedelta(), council: str = "adur", priority: str = "normal") -> Any:
    """A record of a ticket that was opened so long ago."""
    return _event("ticket.opened", item, council, ago, service="ict", priority=priority)


def missed(item: str, *, council: str = "adur") -> list[Any]:
    """The records of a ticket that was resolved after its time, now."""
    return [opened(item, ago=2 * LIMIT, council=council), _event("ticket.resolved", item, council, timedelta())]


def met(item: str, *, council: str = "adur") -> list[Any]:
    """The records of a ticket that was resolved in time."""
    return [opened(item, ago=LIMIT / 2, council=council), _event("ticket.resolved", item, council, timedelta())]


def _event(kind: str, item: str, council: str, ago: timedelta, **data: Any) -> tuple[str, bytes]:
    at = (datetime.now(UTC) - ago).isoformat(timespec="seconds")
    envelope = {"specversion": "1.0", "type": f"tallystick.{kind}.v1", "id": f"{item}-{kind}", "time": at}
    about = {"source": f"/councils/{council}/systems/e2e", "subject": item, "council": council, "data": data}
    return f"{council}:{item}", msgspec.json.encode(envelope | about)


@contextmanager
def watched_services(
    folder: Path,
    started: Sequence[str] = tuple(INSTANCES),
    *,
    partnership: str = PARTNERSHIP,
    settings: Mapping[str, str] | None = None,
) -> Iterator[WatchedServices]:
    """The services run, ready, with the `partnership` loaded and with these `settings`; all is gone afterwards."""
    with ExitStack() as stack:
        kafka, redis = stack.enter_context(servers.kafka()), stack.enter_context(servers.redis_container())
        postgres = stack.enter_context(own_postgres())
        owner = postgres.url("tallystick", "tallystick")
        databases = {service: stack.enter_context(empty_database(owner)) for service in SERVICES}
        ports = {instance: servers.free_port() for instance in INSTANCES}
        targets: dict[str, list[str]] = {}
        for instance, job in INSTANCES.items():
            targets.setdefault(job, []).append(f"127.0.0.1:{ports[instance]}")
        prometheus = stack.enter_context(scraping_all(targets, folder))
        watched = WatchedServices(kafka, redis, postgres, databases, ports, prometheus, settings or {})
        _prepare(watched, folder, partnership)
        for instance in started:
            watched.start(instance)
            stack.callback(watched.stop, instance)
        for instance in started:
            eventually(watched.running[instance].is_ready)
        yield watched


def _prepare(watched: WatchedServices, folder: Path, partnership: str) -> None:
    """Schemas and topics are there, and the partnership is in the catalogue."""
    for service in SERVICES:
        _run(service, "migrate", env=watched.env(service))
    _run("shared.bus", "topics", "create", env=watched.env("catalogue"))
    asyncio.run(_led(watched.env("catalogue")["BUS_URL"]))
    (folder / "partnership.yaml").write_text(partnership, encoding="utf-8")
    _run("catalogue", "load", str(folder / "partnership.yaml"), env=watched.env("catalogue"))


async def _led(bus_url: str) -> None:
    bus = connect(bus_url)
    try:
        await bus.ensure_topics(TOPICS)
        await led(bus)
    finally:
        await bus.close()


def _run(*command: str, env: dict[str, str]) -> None:
    ended = run_to_end("-m", *command, env=env)
    assert ended.returncode == 0, f"{command}: {ended.stdout}{ended.stderr}"
