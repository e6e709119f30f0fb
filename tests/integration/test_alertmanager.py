"""Alertmanager sends alerts where its file says, holds back what follows from another, and the receiver prints them."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import yaml
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tallystick.alert_receiver import LARGEST_BODY, PORT, server
from tests.support.alerts import ROOT, alerts
from tests.support.service_process import PATIENCE_S, eventually, get

CONFIG = ROOT / "deploy" / "alertmanager"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
IMAGE: str = COMPOSE["alertmanager"]["image"]
SLA = {"job": "sla-monitor", "group": "sla-monitor"}
TARGET = {"council": "worthing", "service": "ict", "agreement": "w-2026", "target": "resolve", "measure": "m"}
SEVERITY = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}


def amtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What amtool says of the file that is deployed."""
    command = ["docker", "run", "--rm", "-v", f"{CONFIG}:/etc/alertmanager:ro", "--entrypoint", "amtool", IMAGE]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.docker
def test_amtool_accepts_the_configuration(docker_engine: None) -> None:
    checked = amtool("check-config", "/etc/alertmanager/alertmanager.yml")

    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.docker
@pytest.mark.parametrize(
    ("alert", "labels", "receiver"),
    [
        ("PartitionHalted", SLA, "on-call"),
        ("ItemAboutToBreach", {"council": "adur"}, "on-call"),
        ("RecordsQuarantined", SLA, "operations"),
        ("CouncilSilent", {"council": "worthing"}, "councils"),
        ("CouncilSilent", {"council": "adur"}, "adur"),
        ("Watchdog", {}, "watchdog"),
    ],
)
def test_an_alert_goes_by_its_severity_and_its_council(
    docker_engine: None, alert: str, labels: dict[str, str], receiver: str
) -> None:
    written = [f"{name}={value}" for name, value in {"severity": SEVERITY[alert], **labels}.items()]
    file = "--config.file=/etc/alertmanager/alertmanager.yml"
    tested = amtool("config", "routes", "test", file, f"--verify.receivers={receiver}", f"alertname={alert}", *written)

    assert tested.returncode == 0, tested.stdout + tested.stderr


# What happened, what followed from it, and what did not.
FOLLOWS = [
    (("ServiceAbsent", {"job": "sla-monitor"}), ("InstancesMissing", {"job": "sla-monitor"})),
    (("StoreDown", {"job": "sla-monitor", "store": "state"}), ("FallingBehind", SLA)),
    (("StoreDown", {"job": "sla-monitor", "store": "state"}), ("CouncilSilent", {"council": "adur"})),
    (("PartitionHalted", SLA | {"topic": "t", "partition": "3"}), ("RecordsQuarantined", SLA | {"topic": "t"})),
    (("PartitionHalted", SLA | {"topic": "t", "partition": "3"}), ("TimersLate", {"job": "sla-monitor"})),
    (("NoCatalogueKnown", {"job": "sla-monitor"}), ("RecordsParked", SLA | {"topic": "t"})),
    (("BatchesRetried", SLA), ("FallingBehind", SLA)),
    (("CouncilHeld", {"council": "adur"}), ("ItemsFailed", {"council": "adur"})),
    (("FewMissesRemaining", TARGET), ("AllowanceConsumed", TARGET)),
    (("AllowanceExhausted", TARGET), ("HighBurnRate", TARGET | {"window": "1d"})),
    (("ReconciliationDiffers", {"council": "adur"}), ("CloseBlocked", {"council": "adur"})),
]
INDEPENDENT = [
    (("StoreDown", {"job": "billing", "store": "database"}), ("FallingBehind", SLA)),
    (("PartitionHalted", SLA | {"topic": "t", "partition": "3"}), ("RecordsQuarantined", SLA | {"topic": "u"})),
    (("FewMissesRemaining", TARGET), ("AllowanceConsumed", TARGET | {"target": "respond"})),
    (("CouncilHeld", {"council": "adur"}), ("ItemsFailed", {"council": "worthing"})),
]
Named = tuple[str, dict[str, str]]


@contextmanager
def alertmanager() -> Iterator[str]:
    """The address of an Alertmanager with the file that is deployed, and without alerts."""
    container = (
        DockerContainer(IMAGE)
        .with_exposed_ports(9093)
        .with_volume_mapping(str(CONFIG), "/etc/alertmanager", "ro")
        .waiting_for(LogMessageWaitStrategy("Listening on"))
    )
    with container:
        yield f"http://localhost:{container.get_exposed_port(9093)}/api/v2/alerts"


@pytest.fixture(scope="module")
def address(docker_engine: None) -> Iterator[str]:
    with alertmanager() as running:
        yield running


@pytest.mark.parametrize("pair", [*FOLLOWS, *INDEPENDENT], ids=lambda pair: f"{pair[0][0]}-{pair[1][0]}")
def test_what_follows_from_another_alert_is_held_back_and_nothing_else(address: str, pair: tuple[Named, Named]) -> None:
    cause, effect = pair
    post(address, [labelled(*cause), labelled(*effect)])
    try:
        eventually(lambda: {cause[0], effect[0]} <= {each["labels"]["alertname"] for each in active(address)})
        eventually(lambda: all(each["status"]["state"] != "unprocessed" for each in active(address)))
        states = {each["labels"]["alertname"]: each["status"]["state"] for each in active(address)}
        assert states == {cause[0]: "active", effect[0]: "suppressed" if pair in FOLLOWS else "active"}
    finally:
        post(address, [each | {"endsAt": "2026-01-01T00:00:00Z"} for each in (labelled(*cause), labelled(*effect))])
        eventually(lambda: active(address) == [])


def labelled(alert: str, labels: dict[str, str]) -> dict[str, Any]:
    """An alert as Prometheus sends it."""
    named = {"alertname": alert, "severity": SEVERITY[alert], **labels}
    return {"labels": named, "startsAt": "2025-12-31T00:00:00Z"}


def active(address: str) -> list[dict[str, Any]]:
    """The alerts that have not ended."""
    found: list[dict[str, Any]] = json.loads(get(address)[1])
    return found


def post(address: str, body: object, **headers: str) -> int:
    """The status of the answer."""
    headers["Content-Type"] = "application/json"
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urlopen(Request(address, data=sent, headers=headers), timeout=PATIENCE_S) as answer:  # noqa: S310 (ours)
            return int(answer.status)
    except HTTPError as refusal:
        with refusal:
            return refusal.code


@contextmanager
def receiver() -> Iterator[str]:
    """The address of a receiver that prints into this process's output."""
    running = server(0)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_address[1]}/on-call"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()


def test_the_receiver_prints_each_alert_of_a_message_with_where_to_read_on(capsys: pytest.CaptureFixture[str]) -> None:
    annotations = {"summary": "sla-monitor cannot publish", "runbook_url": "https://docs.example/x.md"}
    alert = {"status": "firing", "labels": {"alertname": "X", "severity": "page"}, "annotations": annotations}
    with receiver() as url:
        status = post(url, {"version": "4", "status": "firing", "alerts": [alert, alert | {"status": "resolved"}]})

    assert status == 200
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"sent_to": "/on-call", "status": "firing", "alertname": "X", "severity": "page", **annotations}
    assert second["status"] == "resolved"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"no JSON", 400), (b"{}", 400)],
    ids=["text", "empty"],
)
def test_the_receiver_refuses_what_is_no_message_and_goes_on(
    capsys: pytest.CaptureFixture[str], body: bytes, status: int
) -> None:
    with receiver() as url:
        assert post(url, body) == status
        assert post(url, {"alerts": []}) == 200

    assert capsys.readouterr().out == ""


def test_the_receiver_reads_no_more_than_a_message_may_have() -> None:
    with receiver() as url:
        assert post(url, b"{}", **{"Content-Length": str(LARGEST_BODY + 1)}) == 413


def test_every_receiver_is_the_container_of_compose() -> None:
    config = yaml.safe_load((CONFIG / "alertmanager.yml").read_text(encoding="utf-8"))
    urls = [hook["url"] for each in config["receivers"] for hook in each["webhook_configs"]]

    assert all(url.startswith(f"http://alert-receiver:{PORT}/") for url in urls)
    assert COMPOSE["alert-receiver"]["entrypoint"] == ["python", "-m", "tallystick.alert_receiver"]
