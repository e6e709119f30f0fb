"""Each service as a process: it starts, reports when it is ready, works, stops in time, and ends when it is stuck.

Settings that cannot be used and commands that end by themselves are tried in this process: most of what starting
another one takes is importing.
"""

import asyncio
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from runpy import run_module

import pytest
import structlog

from shared.bus.connect import connect
from shared.contracts.codec import encode_event
from shared.contracts.definitions import AnyDefinition
from shared.contracts.envelope import Event, ItemEvent
from shared.contracts.topics import CATALOGUE, TICKETS, TOPICS, USAGE
from shared.log.port import Message
from shared.running import command
from tests.support.callers import SIGNING_KEY, published_key
from tests.support.monitoring import ticket
from tests.support.recharges import ASHBY, PROVIDER, agreement, catalogue_events, recorded, standing, tariff
from tests.support.service_process import (
    SERVICES,
    ServiceProcess,
    eventually,
    run_to_end,
    running_service,
    state_folder_env,
)

AT = "2026-05-07T12:00:00+00:00"


async def publish(bus_url: str, topic: str, events: Sequence[Event]) -> None:
    bus = connect(bus_url)
    try:
        await bus.ensure_topics(TOPICS)
        await bus.publish(topic, [Message(key(event), encode_event(event)) for event in events])
    finally:
        await bus.close()


async def publish_key(bus_url: str) -> None:
    bus = connect(bus_url)
    try:
        await bus.ensure_topics(TOPICS)
        await bus.publish(CATALOGUE.name, [published_key(datetime.fromisoformat(AT))])
    finally:
        await bus.close()


def key(event: Event) -> str:
    return event.key if isinstance(event, ItemEvent) else event.subject


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    with running_service("-m", "catalogue", env=state_folder_env(tmp_path_factory.mktemp("catalogue"))) as running:
        eventually(running.is_ready)
        yield running


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_starts_reports_that_it_is_ready_and_stops_on_sigint(service: str, tmp_path: Path) -> None:
    assert run_to_end("-m", "catalogue", "load", "adur-worthing", env=state_folder_env(tmp_path)).returncode == 0
    with running_service("-m", service, env=state_folder_env(tmp_path)) as running:
        eventually(running.is_ready)

        assert running.admin("/livez")[0] == 200
        running.send_signal(signal.SIGINT)
        assert running.ended(within_s=20) == 0
        assert [line["event"] for line in running.logged] == ["service.started", "service.stopping", "service.stopped"]


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/docs", "/debug", "/livez", "/readyz"])
def test_what_operators_see_is_not_public(path: str, catalogue: ServiceProcess) -> None:
    assert catalogue.public(path)[0] == 404


def test_operators_and_nobody_else_see_the_quarantine(tmp_path: Path) -> None:
    asyncio.run(publish_key(f"sqlite:///{tmp_path}/log.db"))
    with running_service("-m", "billing", env=state_folder_env(tmp_path)) as billing:
        eventually(lambda: billing.admin("/v1/quarantine") == (200, '{"items":[]}'))

        assert billing.admin("/v1/quarantine?stray=1")[0] == 400
        assert billing.public("/v1/quarantine")[0] == 404


def test_operators_read_the_description_of_the_api(catalogue: ServiceProcess) -> None:
    status, body = catalogue.admin("/openapi.json")

    assert status == 200
    assert "/v1/councils" in json.loads(body)["paths"]


def test_readiness_names_each_part(catalogue: ServiceProcess) -> None:
    status, body = catalogue.admin("/readyz")

    assert status == 200
    assert json.loads(body)["parts"].keys() == {"process", "bus", "database", "schema", "versions", "audit"}


@pytest.mark.parametrize("service", ["sla_monitor", "billing"])
def test_a_service_that_knows_no_catalogue_is_not_ready_until_it_does(service: str, tmp_path: Path) -> None:
    env = state_folder_env(tmp_path)
    with running_service("-m", service, env=env) as running:
        eventually(lambda: "group" in running.admin("/readyz")[1] and others_are_ready(running, "catalogue"))
        status, body = running.admin("/readyz")
        assert status == 503
        assert "run `python -m catalogue announce`" in json.loads(body)["parts"]["catalogue"]["detail"]

        assert run_to_end("-m", "catalogue", "load", "adur-worthing", env=env).returncode == 0
        eventually(running.is_ready)


def others_are_ready(service: ServiceProcess, but: str) -> bool:
    """Whether every part but one is."""
    parts = json.loads(service.admin("/readyz")[1])["parts"]
    return all(part["ok"] for name, part in parts.items() if name != but)


def test_requests_are_measured_by_route_and_not_by_path(catalogue: ServiceProcess) -> None:
    eventually(lambda: catalogue.public("/v1/councils/ashby")[0] == 404)

    metrics = catalogue.admin("/metrics")[1]

    assert (
        'tallystick_http_request_duration_seconds_count{method="GET",route="/v1/councils/{id}",status="404"}' in metrics
    )
    assert "ashby" not in metrics


def test_the_three_services_work_together_over_one_log(tmp_path: Path) -> None:
    env = state_folder_env(tmp_path)
    log = f"sqlite:///{tmp_path}/log.db"
    definitions: list[AnyDefinition] = [ASHBY, PROVIDER, tariff(standing("310.00")), agreement("tariff")]
    asyncio.run(publish(log, CATALOGUE.name, catalogue_events(*definitions)))
    asyncio.run(publish_key(log))
    asyncio.run(publish(log, USAGE.name, [recorded("r-1", AT, "10")]))

    with ExitStack() as stack:
        monitor, billing = (
            stack.enter_context(running_service("-m", service, env=env)) for service in ("sla_monitor", "billing")
        )
        eventually(monitor.is_ready)
        eventually(billing.is_ready)
        eventually(lambda: billing.public("/v1/statements/ashby/2026-05")[0] == 200)
        eventually(
            lambda: (
                'tallystick_consumer_records_total{group="billing",outcome="applied"' in billing.admin("/metrics")[1]
            )
        )

        assert unaccounted(billing.admin("/metrics")[1]) == {0.0}


def test_the_catalogue_loads_an_example_that_the_monitor_judges_by(tmp_path: Path) -> None:
    env = state_folder_env(tmp_path)
    env |= {"SIGNING_KEY": SIGNING_KEY}
    loaded = run_to_end("-m", "catalogue", "load", "adur-worthing", env=env)
    assert loaded.returncode == 0, loaded.stdout
    events = ticket(("Mon 2026-10-05 09:00", "opened"), ("Mon 2026-10-05 09:30", "resolved"))
    asyncio.run(publish(f"sqlite:///{tmp_path}/log.db", TICKETS.name, events))

    with running_service("-m", "sla_monitor", env=env) as monitor:
        eventually(lambda: 'outcome="met"' in monitor.admin("/metrics")[1])

        assert "ICT" in monitor.public("/attainment?month=2026-10", accept="text/html")[1]
        eventually(lambda: bool(unaccounted(monitor.admin("/metrics")[1])))
        assert unaccounted(monitor.admin("/metrics")[1]) == {0.0}


def test_a_service_whose_task_fails_ends_and_logs_why(tmp_path: Path) -> None:
    log = f"sqlite:///{tmp_path}/log.db"
    asyncio.run(publish(log, CATALOGUE.name, catalogue_events(ASHBY)))
    asyncio.run(publish(log, "sla.verdicts.v1", catalogue_events(ASHBY)))  # only the monitor may write there

    with running_service("-m", "sla_monitor", env=state_folder_env(tmp_path)) as monitor:
        assert monitor.ended() == 1

    failed = monitor.log_of("service.failed")
    assert failed["fault"] == "TypeError"
    assert "expected a verdict at offset 0" in failed["reason"]


STUCK = """
import sys, time
from catalogue.app import CatalogueApp
from catalogue.settings import CatalogueSettings as Settings
from shared.running.app import ServiceProgram
from shared.running.command import main

class Stuck(CatalogueApp):
    async def run(self, stop):
        {does}

main(ServiceProgram(package="catalogue", settings=Settings, build=Stuck), [])
"""


@pytest.mark.parametrize(
    ("does", "limit", "reason"),
    [
        ("time.sleep(60)", "WATCHDOG_LOOP_S", "event loop has not come round"),
        ("await stop.wait()", "WATCHDOG_ROUND_S", "outbox relay has not come round"),
    ],
)
def test_a_service_that_is_stuck_ends_by_itself_and_logs_why(
    does: str, limit: str, reason: str, tmp_path: Path
) -> None:
    with running_service("-c", STUCK.format(does=does), env=state_folder_env(tmp_path) | {limit: "1"}) as service:
        assert service.ended() == 70

    assert service.log_of("watchdog.exit")["reason"] == reason


STALLED = """
from shared.bus.embedded import EmbeddedBus
from catalogue.app import build
from catalogue.settings import CatalogueSettings as Settings
from shared.running.app import ServiceProgram
from shared.running.command import main

EmbeddedBus.silent_s = lambda bus: 400.0
main(ServiceProgram(package="catalogue", settings=Settings, build=build), [])
"""


def test_a_service_whose_readers_get_no_answer_from_a_log_that_answers_others_ends_and_says_so(tmp_path: Path) -> None:
    limit = {"WATCHDOG_ROUND_S": "3"}  # counted from when the log is first seen to answer others
    with running_service("-c", STALLED, env=state_folder_env(tmp_path) | limit) as service:
        assert service.ended() == 1

    assert service.log_of("service.failed")["fault"] == "ConsumerStalled"


def test_a_service_that_does_not_stop_on_sigterm_is_ended(tmp_path: Path) -> None:
    never = STUCK.format(does="await __import__('asyncio').Event().wait()")

    with running_service("-c", never, env=state_folder_env(tmp_path) | {"STOP_WITHIN_S": "1"}) as service:
        eventually(lambda: service.admin("/livez")[0] == 200)
        service.send_signal(signal.SIGTERM)

        assert service.ended() == 70
    assert service.log_of("watchdog.exit")["reason"] == "the stop took too long"


def test_a_service_that_was_frozen_for_longer_than_the_watchdog_waits_goes_on(tmp_path: Path) -> None:
    with running_service("-m", "catalogue", env=state_folder_env(tmp_path) | {"WATCHDOG_LOOP_S": "1"}) as catalogue:
        eventually(catalogue.is_ready)
        catalogue.send_signal(signal.SIGSTOP)
        with pytest.raises(Exception, match="timed out"):
            catalogue.process.wait(3)
        catalogue.send_signal(signal.SIGCONT)

        eventually(catalogue.is_ready)


@dataclass(frozen=True, slots=True)
class Ended:
    """The exit code of a command, and what it printed."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Iterator[Run]:
    """`python -m PACKAGE ARGUMENT …` with the given settings and a state folder of the test's own, in this process."""

    def run(package: str, *arguments: str, **settings: str) -> Ended:
        with monkeypatch.context() as patched:
            for name, value in (state_folder_env(tmp_path) | settings).items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", [package, *arguments])
            patched.setattr(command, "tune_gc", lambda: None)  # it is for the lifecycle of a process
            try:
                run_module(package, run_name="__main__")
            except SystemExit as ended:
                return Ended(int(ended.code or 0), *capsys.readouterr())
        return Ended(0, *capsys.readouterr())

    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield run
    logging.basicConfig(handlers=handlers, level=level, force=True)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"BUS_URL": "amqp://broker"}, "BUS_URL"),
        ({"STATE_URL": "memcached://cache"}, "STATE_URL"),
        ({"DATABASE_URL": "mysql://server/database"}, "postgresql"),
        ({"DATABASE_URL": "nonsense"}, "Could not parse"),
        ({"HTTP_HOST": "192.0.2.1", "ALLOWED_HOSTS": "a.example"}, "HTTP_HOST 192.0.2.1 and HTTP_PORT"),
        ({"HTTP_HOST": "0.0.0.0"}, "set ALLOWED_HOSTS"),  # noqa: S104 (refused)
        ({"ALLOWED_HOSTS": "a.example:8080"}, "without ports"),
        ({"LOG_LEVEL": "chatty"}, "LOG_LEVEL"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_settings_that_cannot_be_used_are_named_and_the_exit_is_2(
    settings: dict[str, str], message: str, run_here: Run
) -> None:
    ended = run_here("sla_monitor", **settings)

    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_refused_setting_is_not_repeated(run_here: Run) -> None:
    ended = run_here("billing", DATABASE_URL="mysql://root:hunter2@server/db")

    assert ended.code == 2
    assert "hunter2" not in ended.err + ended.out


@pytest.mark.parametrize("service", SERVICES)
def test_migrate_brings_the_database_to_the_newest_schema_and_ends(service: str, run_here: Run) -> None:
    for _ in range(2):
        ended = run_here(service, "migrate")

        assert (ended.code, json.loads(ended.out)["event"]) == (0, "service.migrated"), ended.err


def test_an_unknown_verb_is_refused_with_those_that_are_known(run_here: Run) -> None:
    ended = run_here("catalogue", "dance")

    assert ended.code == 2
    assert "migrate, load" in ended.err


def unaccounted(metrics: str) -> set[float]:
    """The values that must be 0."""
    lines = [line for line in metrics.splitlines() if line.startswith("tallystick_consumer_unaccounted_records{")]
    return {float(line.rpartition(" ")[2]) for line in lines}
