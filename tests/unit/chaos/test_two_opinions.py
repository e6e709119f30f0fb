"""The oracle and the monitor's own rules, which share no code, say the same of thousands of tickets."""

import json
from collections import defaultdict

import msgspec
import pytest

from shared.contracts.codec import decode_event
from shared.contracts.items import TicketEvent
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.announcements import verdict_data
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.facts import Opened, fact_of
from sla_monitor.domain.item import Item, insert_fact
from tests.chaos.oracle.announcements import verdict_of
from tests.chaos.oracle.tickets import AGREEMENTS, ExpectedVerdict, TargetKey, verdicts
from tests.chaos.traffic import TICKETS, Size, sendings
from tests.support.histories import agreement_index, at

NOW = at("Mon 2026-11-23 08:00")


def agreed(response: str, resolution: str) -> AgreementIndex:
    return agreement_index(
        {"id": "response", "measure": "response-time", "within": response, "calendar": "office"},
        {"id": "resolution", "measure": "resolution-time", "within": resolution, "calendar": "office"},
    )


AGREED = {
    "shared": agreed("4 working hours", "16 working hours"),
    "evenings": agreed("8 working hours", "24 working hours"),
}


@pytest.mark.parametrize("seed", range(3))
def test_both_judge_the_traffic_alike(seed: int) -> None:
    values = {one.value for one in sendings(Size(0, 3000), seed=seed, now=NOW) if one.topic == TICKETS}

    expected = verdicts(map(json.loads, values), as_of=NOW)

    assert judged_by_the_monitor(values) == expected


def judged_by_the_monitor(values: set[bytes]) -> dict[TargetKey, ExpectedVerdict]:
    tickets: defaultdict[tuple[str, str], Item] = defaultdict(Item)
    for value in values:
        event = decode_event(value)
        assert isinstance(event, TicketEvent)
        insert_fact(tickets[event.council, event.subject], fact_of(event))
    found = {}
    for (council, ticket), item in tickets.items():
        name = AGREEMENTS[next(fact.service for fact in item.facts if isinstance(fact, Opened))]
        evaluation = evaluate(
            item.facts, council="adur", stream="ticket", item=ticket, agreement_index=AGREED[name], as_of=NOW
        )
        for verdict in evaluation.verdicts:
            if verdict.decided:
                key = TargetKey(council, f"{name}-{council}", verdict.target.id, evaluation.stream, ticket)
                found[key] = verdict_of(msgspec.to_builtins(verdict_data(verdict, evaluation)))
    return found
