"""What becomes of an event sent over HTTP, end to end: judged, priced, parked, quarantined or failed, and why."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fastapi.testclient import TestClient

from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.definitions import AnyDefinition
from shared.contracts.topics import TICKETS
from shared.http import Authentication, create_app
from shared.log.port import Message
from shared.scope import Scope
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.judging.failed_items import MOST_FAILED
from sla_monitor.store import items
from tallystick.stack import Stack, open_stack
from tests.support.callers import SIGNING_KEY
from tests.support.examples import definitions_of

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SOURCE = "/councils/adur/systems/service-desk"
INTEGRATOR = Principal.of("desk", "machine", ["integrator"], Scope.of("adur"), sources=[SOURCE])
VIEWER = Principal.of("reader", "person", ["council-viewer"], Scope.of("adur"))
PARTNERSHIP = definitions_of("adur-worthing")


@dataclass
class Installation:
    """All services on one folder, and whoever asks them now."""

    stack: Stack
    runner: asyncio.Runner
    caller: Principal = INTEGRATOR

    def __post_init__(self) -> None:
        apps = (self.stack.catalogue, self.stack.monitor, self.stack.billing)
        api = create_app(
            "Tallystick",
            [app.router for app in apps],
            types=[each for app in apps for each in app.types],
            authentication=Authentication(lambda _: self.caller),
        )
        self._client = TestClient(api)

    def record(self, definitions: Sequence[AnyDefinition]) -> None:
        """The catalogue knows them, and every service has read so."""
        self.runner.run(self.stack.record(definitions))
        self.runner.run(self.stack.drain())

    def send(self, *events: dict[str, Any]) -> None:
        """They were received, and every service has done with them what it does."""
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        answer = self._client.post("/v1/events", content=json.dumps(events), headers=headers)
        assert answer.status_code == 202, answer.text
        self.runner.run(self.stack.drain())

    def publish(self, event: dict[str, Any]) -> None:
        """Somebody with a Kafka client has published it."""
        key = f"{event['council']}:{event['subject']}"
        self.runner.run(self.stack.bus.publish(TICKETS.name, [Message(key, json.dumps(event).encode())]))
        self.runner.run(self.stack.drain())

    def get(self, address: str) -> Any:
        """The answer, which has to be one."""
        answer = self._client.get(address)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def links(self, id_: str) -> dict[str, str]:
        """Where to ask what became of the event."""
        found: dict[str, str] = self.get(f"/v1/events?source={SOURCE}&id={id_}")["links"]
        return found

    def outcome(self, id_: str, service: str = "sla-monitor") -> tuple[str, str | None]:
        """The state of the event at the service, and the reason."""
        found = self.get(self.links(id_)[service])
        assert "Jane Doe" not in str(found)
        return found["state"], found["reason"]


@contextmanager
def installation(folder: Path) -> Iterator[Installation]:
    with asyncio.Runner() as runner:
        opened = open_stack(folder, clock=FixedClock(NOON), margin_s=0, sign_in={"SIGNING_KEY": SIGNING_KEY})
        stack = runner.run(opened.__aenter__())
        try:
            yield Installation(stack, runner)
        finally:
            runner.run(opened.__aexit__(None, None, None))


@contextmanager
def bug(*subjects: str) -> Iterator[None]:
    """Judging any of these items raises, with what somebody sent in the message."""

    def planted(facts: Any, *, item: str, **about: Any) -> Any:
        if item in subjects:
            raise RuntimeError("Jane Doe")
        return evaluate(facts, item=item, **about)

    with patch.object(items, "evaluate", planted):
        yield


def event(subject: str, kind: str = "ticket.opened", at: str = "2026-03-02T09:00:00Z", **data: Any) -> dict[str, Any]:
    """An event of Adur's service desk, whose id is the subject and the kind."""
    if kind == "ticket.opened" or kind.startswith("service."):
        data = {"service": "ict", **data}
    return {
        "specversion": "1.0",
        "type": f"tallystick.{kind}.v1",
        "id": f"{subject}.{kind}",
        "source": SOURCE,
        "time": at,
        "subject": subject,
        "council": "adur",
        "data": data,
    }


def ticket(subject: str) -> list[dict[str, Any]]:
    """A ticket that was opened, and resolved on the next day."""
    return [event(subject), event(subject, "ticket.resolved", at="2026-03-03T15:00:00Z")]


def test_a_judged_event_leads_to_its_verdicts_and_to_its_price(tmp_path: Path) -> None:
    with installation(tmp_path) as on:
        on.record(PARTNERSHIP)
        on.send(*ticket("T-1"))

        assert [on.outcome("T-1.ticket.resolved", each) for each in ("sla-monitor", "billing")] == [("read", None)] * 2
        links = on.links("T-1.ticket.resolved")
        on.caller = VIEWER
        assert {each["target"] for each in on.get(links["judged"])["verdicts"]} == {"ict-response", "ict-resolution"}
        priced = on.get(links["priced"])
        assert (priced["month"], priced["evidence"]["received"], priced["evidence"]["counted"]) == ("2026-03", 2, 1)


def test_an_event_is_parked_until_the_catalogue_knows_its_council(tmp_path: Path) -> None:
    with installation(tmp_path) as on:
        on.send(*ticket("T-1"))
        assert on.outcome("T-1.ticket.opened") == ("parked", "UNKNOWN_AGREEMENT")
        assert on.outcome("T-1.ticket.opened", "billing") == ("parked", "UNKNOWN_COUNCIL")

        on.record(PARTNERSHIP)

        assert on.outcome("T-1.ticket.opened") == on.outcome("T-1.ticket.opened", "billing") == ("read", None)
        on.caller = VIEWER
        assert on.get("/v1/items/T-1?council=adur")["verdicts"]


def test_an_event_whose_id_another_item_has_in_the_log_is_quarantined_and_its_sender_told_why(tmp_path: Path) -> None:
    with installation(tmp_path) as on:
        on.record(PARTNERSHIP)
        first = event("T-1")
        on.publish(first)
        on.send({**first, "data": {"service": "ict", "priority": "high"}})

        for service in ("sla-monitor", "billing"):
            assert on.outcome(first["id"], service) == ("quarantined", "ID_REUSE_CONFLICT")


def test_an_event_whose_item_cannot_be_judged_has_failed_until_a_release_that_can(tmp_path: Path) -> None:
    with installation(tmp_path) as on, bug("T-bad"):
        on.record(PARTNERSHIP)
        on.send(*ticket("T-bad"), *ticket("T-good"))

        assert on.outcome("T-bad.ticket.opened") == on.outcome("T-bad.ticket.resolved") == ("failed", "FAILED")
        assert on.outcome("T-bad.ticket.opened", "billing") == on.outcome("T-good.ticket.opened") == ("read", None)
    with installation(tmp_path) as on:
        on.runner.run(on.stack.drain())
        assert on.outcome("T-bad.ticket.opened") == ("failed", "FAILED")  # the same release does not try again
    with patch("sla_monitor.app.PRODUCT_VERSION", "9.9.9"), installation(tmp_path) as on:
        on.send(event("T-next"))

        assert on.outcome("T-bad.ticket.opened") == on.outcome("T-bad.ticket.resolved") == ("read", None)
        on.caller = VIEWER
        assert on.get("/v1/items/T-bad?council=adur")["verdicts"]


def test_an_outage_that_cannot_be_judged_has_failed_too(tmp_path: Path) -> None:
    kinds = ("service.outage-started", "service.outage-ended")
    with installation(tmp_path) as on, bug("O-1"):
        on.record(PARTNERSHIP)
        on.send(*(event("O-1", kind, at=f"2026-03-02T1{hour}:00:00Z") for hour, kind in enumerate(kinds)))

        assert [on.outcome(f"O-1.{kind}") for kind in kinds] == [("failed", "FAILED")] * 2


def test_an_event_of_a_council_that_is_held_has_failed_too(tmp_path: Path) -> None:
    bad = [f"T-{number}" for number in range(12 * 3 * MOST_FAILED)]
    with installation(tmp_path) as on:
        on.record(PARTNERSHIP)
        with bug(*bad):
            on.send(*(event(subject) for subject in bad))
        on.send(event("T-good"))

        held = on.get(on.links("T-good.ticket.opened")["sla-monitor"])
        assert (held["state"], held["reason"]) == ("failed", "COUNCIL_HELD")
        assert held["detail"].startswith("a bug in Tallystick came up with so many items of the council")
