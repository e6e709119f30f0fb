"""Alerts are caused on the real servers; Prometheus scrapes, Alertmanager sends, the example receiver prints.

An alert that waits before it fires is pending from the first evaluation at which its condition holds: that is what most
tests wait for. How long each waits is tried in `tests.integration.test_alert_rules`.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.test_compose import publish
from tests.support.compose_project import STARTED, ComposeProject, compose_project
from tests.support.service_process import eventually

pytestmark = pytest.mark.long  # eight minutes: some alerts wait before they fire
FLOOD = 12  # more than ten of one partition
Record = tuple[bytes, bytes]
# There is one for each rectification plan that goes on, and none before the first.
OF_WHAT_GOES_ON = {"tallystick_rectification_plan_due_timestamp_seconds"}


@pytest.fixture(scope="module")
def stack(docker_engine: None) -> Iterator[ComposeProject]:
    """The containers before anything was loaded: no service is ready, so that the gateway has to wait."""
    with compose_project() as project:
        project.compose("up", "--detach", *(each for each in STARTED if each != "gateway"))
        yield project


def raised(stack: ComposeProject, alert: str) -> list[dict[str, str]]:
    """The labels of the alerts of this name that are pending or firing."""
    found = stack.prometheus("alerts")["alerts"]
    return [each["labels"] for each in found if each["labels"]["alertname"] == alert]


def sent(stack: ComposeProject, receiver: str) -> list[dict[str, str]]:
    """What the example receiver has printed of what was sent to a receiver of Alertmanager."""
    printed = stack.compose("logs", "--no-log-prefix", "--no-color", "alert-receiver")
    lines = [json.loads(line) for line in re.findall(r"\{.*\}", printed)]  # whatever compose puts before a line
    return [line for line in lines if line["sent_to"] == f"/{receiver}"]


def send(stack: ComposeProject, topic: str, *records: Record) -> None:
    asyncio.run(publish(stack.kafka_port, {topic: records}))


def event(kind: str, subject: str, council: str, **data: Any) -> Record:
    """A record of something that happens now."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    envelope = {"specversion": "1.0", "type": f"tallystick.{kind}.v1", "id": f"{subject}-{kind}", "time": now}
    body = {**envelope, "source": "/councils/adur/systems/e2e", "subject": subject, "council": council, "data": data}
    return f"{council}:{subject}".encode(), json.dumps(body).encode()


def test_a_service_that_knows_no_catalogue_is_seen_until_one_is_loaded(stack: ComposeProject) -> None:
    eventually(lambda: {each["job"] for each in raised(stack, "NoCatalogueKnown")} == {"sla-monitor", "billing"})

    stack.compose("run", "--rm", "catalogue", "load", "adur-worthing")
    stack.up()

    eventually(lambda: raised(stack, "NoCatalogueKnown") == [])
    assert raised(stack, "CatalogueBehind") == []


def test_the_watchdog_is_sent_and_its_link_leads_to_its_runbook(stack: ComposeProject) -> None:
    eventually(lambda: bool(sent(stack, "watchdog")))
    (first, *_) = sent(stack, "watchdog")
    link = re.fullmatch(r"http://localhost:\d+(/docs/runbooks/Watchdog\.md)", first["runbook_url"])

    assert link is not None, first
    status, page = stack.get(link[1])
    assert status == 200
    assert page.startswith("# Watchdog\n")
    assert "tallystick_docs" not in first


def test_a_council_that_has_never_sent_anything_is_silent(stack: ComposeProject) -> None:
    eventually(lambda: {each["council"] for each in raised(stack, "CouncilSilent")} == {"adur", "worthing"})


def test_every_metric_that_a_rule_names_is_exported(stack: ComposeProject) -> None:
    send(stack, "provider.tickets.v1", event("ticket.opened", "A-1", "adur", service="ict", priority="normal"))
    rules = [rule["query"] for group in stack.prometheus("rules")["groups"] for rule in group["rules"]]
    named = {name for query in rules for name in re.findall(r"(?<![:\w])tallystick_\w+", query)}

    assert len(named) > 20
    eventually(lambda: named - OF_WHAT_GOES_ON <= set(stack.prometheus("label/__name__/values")))
    eventually(lambda: {each["council"] for each in raised(stack, "CouncilSilent")} == {"worthing"})


def test_usage_in_another_unit_is_seen_until_it_is_reversed(stack: ComposeProject) -> None:
    source = "/councils/adur/systems/e2e"
    send(
        stack, "provider.usage.v1", event("usage.recorded", "U-1", "adur", service="payroll", quantity="3", unit="ton")
    )
    eventually(lambda: [each["service"] for each in raised(stack, "UsageNotCounted")] == ["payroll"])

    reversal = {"reversed_source": source, "reversed_id": "U-1-usage.recorded"}
    send(stack, "provider.usage.v1", event("usage.reversed", "U-1", "adur", service="payroll", **reversal))

    eventually(lambda: raised(stack, "UsageNotCounted") == [])


def test_an_event_of_an_unknown_council_is_parked(stack: ComposeProject) -> None:
    send(stack, "provider.tickets.v1", event("ticket.opened", "N-1", "nowhere", service="ict", priority="normal"))

    eventually(lambda: {each["topic"] for each in raised(stack, "RecordsParked")} == {"provider.tickets.v1"})


def test_a_flood_halts_its_partition_in_both_services_and_its_records_are_sent_to_operations(
    stack: ComposeProject,
) -> None:
    send(stack, "provider.work.v1", *[(b"adur:FLOOD", b"no JSON")] * FLOOD)
    eventually(lambda: {each["job"] for each in raised(stack, "PartitionHalted")} == {"sla-monitor", "billing"})
    assert raised(stack, "FallingBehind") == raised(stack, "BatchesRetried") == []
    eventually(lambda: any(each["alertname"] == "RecordsQuarantined" for each in sent(stack, "operations")))


def test_a_frozen_store_is_down_for_who_needs_it_until_it_goes_on(stack: ComposeProject) -> None:
    stack.compose("pause", "redis")
    try:
        eventually(
            lambda: [(each["job"], each["store"]) for each in raised(stack, "StoreDown")] == [("sla-monitor", "state")]
        )
    finally:
        stack.compose("unpause", "redis")

    eventually(lambda: raised(stack, "StoreDown") == [])


def test_a_service_that_was_stopped_is_absent_until_it_is_started(stack: ComposeProject) -> None:
    stack.compose("stop", "billing")
    eventually(lambda: [each["job"] for each in raised(stack, "ServiceAbsent")] == ["billing"])
    assert stack.get("/docs/runbooks/ServiceAbsent.md")[0] == 200

    stack.compose("start", "billing")
    eventually(lambda: raised(stack, "ServiceAbsent") == [])
