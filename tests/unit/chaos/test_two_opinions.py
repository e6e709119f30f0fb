"""The oracle and the monitor's own rules, which share no code, agree on thousands of tickets and of pieces of work."""

import json
from collections import defaultdict

import msgspec
import pytest

from shared.contracts.codec import decode_event
from shared.contracts.definitions import Agreement
from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.scalars import Stream
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.announcements import verdict_data
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.facts import fact_of
from sla_monitor.domain.item import Item, insert_fact
from tests.chaos.oracle.announcements import verdict_of
from tests.chaos.oracle.instants import WITHDRAWN
from tests.chaos.oracle.tickets import (
    TARGETS,
    WITH_EVENINGS,
    AgreedTarget,
    ExpectedVerdict,
    TargetKey,
    verdicts,
    what_of,
)
from tests.chaos.partnership import COUNCILS
from tests.chaos.traffic import Size, sendings
from tests.support.histories import at, bound, calendar

NOW = at("Mon 2026-11-23 08:00")


def agreements_of_all() -> AgreementIndex:
    """Every council's agreements: the targets of the oracle in the terms of the monitor."""
    held = []
    for council in COUNCILS:
        for name in ("shared", "evenings")[: 1 + (council in WITH_EVENINGS)]:
            targets = [target_terms(each) for each in TARGETS if each.agreement == name]
            about = {
                "id": f"{name}-{council}",
                "council": council,
                "provider": "joint-services",
                "title": "Illustrative",
            }
            held.append((1, msgspec.convert(about | {"targets": targets}, Agreement)))
    office = bound(calendar())
    return AgreementIndex(held, lambda _: office)


def target_terms(target: AgreedTarget) -> dict[str, str]:
    return {
        "id": target.id,
        "service": target.service,
        "measure": f"{target.id}-time",
        "within": f"{target.allowed_s // 3600} working hours",
        "calendar": "office",
    }


@pytest.mark.parametrize("seed", range(3))
def test_both_judge_the_traffic_alike(seed: int) -> None:
    values = {one.value for one in sendings(Size(0, 6000, 3000), seed=seed, now=NOW)}

    expected = verdicts(map(json.loads, values), as_of=NOW)

    assert judged_by_the_monitor(values) == expected
    assert_all_is_in(values, expected)


def assert_all_is_in(values: set[bytes], expected: dict[TargetKey, ExpectedVerdict]) -> None:
    """Tickets left a target, and kept its miss or not; a ticket and work of one council have one id."""
    moved = {(each["council"], each["subject"]) for each in map(json.loads, values) if what_of(each) == "reclassified"}
    agreements = defaultdict(set)
    for key in expected:
        agreements[key.council, key.item].add(key.agreement)
    assert {len(agreements[each]) for each in moved} >= {1, 2}
    assert any(each["type"] == WITHDRAWN for each in map(json.loads, values))
    assert any(key._replace(stream="work") in expected for key in expected if key.stream == "ticket")


def judged_by_the_monitor(values: set[bytes]) -> dict[TargetKey, ExpectedVerdict]:
    items: defaultdict[tuple[str, Stream, str], Item] = defaultdict(Item)
    for value in values:
        event = decode_event(value)
        assert isinstance(event, TicketEvent | WorkEvent | FactWithdrawn)
        of_ticket = (
            event.data.stream == "ticket" if isinstance(event, FactWithdrawn) else isinstance(event, TicketEvent)
        )
        stream: Stream = "ticket" if of_ticket else "work"
        insert_fact(items[event.council, stream, event.subject], fact_of(event))
    found, agreements = {}, agreements_of_all()
    for (council, stream, name), item in items.items():
        evaluation = evaluate(
            item.facts, council=council, stream=stream, item=name, agreement_index=agreements, as_of=NOW
        )
        for verdict in evaluation.verdicts:
            if verdict.decided:
                key = TargetKey(council, verdict.target.agreement, verdict.target.id, evaluation.stream, name)
                found[key] = verdict_of(msgspec.to_builtins(verdict_data(verdict, evaluation)))
    return found
