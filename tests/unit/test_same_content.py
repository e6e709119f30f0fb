"""(source, id) has one meaning: the monitor and billing call the same two events a repetition, or a conflict."""

from datetime import timedelta, timezone
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.codec import decode_event
from shared.contracts.envelope import Event
from shared.contracts.items import FactWithdrawn, TicketEvent, TicketOpened, WorkEvent
from shared.log.content import content_digest
from sla_monitor.domain.facts import fact_of
from tests.support.any_event import events

KINDS = [*get_args(TicketEvent), *get_args(WorkEvent), FactWithdrawn]
BY_TOPIC = [(*get_args(TicketEvent), FactWithdrawn), (*get_args(WorkEvent), FactWithdrawn)]


def one_repeats_the_other(one: Any, other: Any) -> bool:
    """What both services say, and that they say the same."""
    by_fact, by_digest = fact_of(one) == fact_of(other), content_digest(one) == content_digest(other)
    assert by_fact == by_digest, (one, other)
    return by_fact


def with_envelope_of(event: Event, other: Event) -> Event:
    """`other` under the source, id, time, subject and council of `event`, and as it would be read from the log."""
    fields = {name: getattr(event, name) for name in ("id", "source", "time", "subject", "council", "sequence")}
    return msgspec.structs.replace(other, **fields)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_both_services_agree_on_what_is_another_content(data: st.DataObject) -> None:
    kinds = data.draw(st.sampled_from(BY_TOPIC))
    event = data.draw(st.sampled_from(kinds).flatmap(events))
    other = with_envelope_of(event, data.draw(st.sampled_from(kinds).flatmap(events)))

    one_repeats_the_other(event, other)
    assert one_repeats_the_other(event, event)


@pytest.mark.parametrize(
    ("type_", "data", "other"),
    [
        ("ticket.assigned", {"team": "desk"}, {"team": "network"}),
        ("ticket.resolved", {"outcome": "done", "units": "1"}, {"outcome": "done", "units": "2"}),
        ("work.completed", {"outcome": "rejected"}, {"outcome": "rejected", "units": "3"}),
        ("service.outage-ended", {"service": "ict"}, {"service": "payroll"}),
        ("ticket.reclassified", {"attributes": {"floor": None}}, {"attributes": {"floor": "2"}}),
    ],
)
def test_every_field_of_an_event_is_content(type_: str, data: dict[str, Any], other: dict[str, Any]) -> None:
    assert not one_repeats_the_other(read(type_, data), read(type_, other))


def test_one_due_date_written_in_two_time_zones_is_one_content() -> None:
    event = read("ticket.opened", {"service": "ict", "due_at": "2026-06-05T10:00:00Z"})
    assert isinstance(event, TicketOpened)
    assert event.data.due_at is not None
    there = msgspec.structs.replace(event.data, due_at=event.data.due_at.astimezone(timezone(timedelta(hours=1))))

    assert one_repeats_the_other(event, msgspec.structs.replace(event, data=there))


def read(type_: str, data: dict[str, Any]) -> Event:
    fields = {"id": "1", "source": "/desk", "time": "2026-06-01T09:00:00Z", "subject": "T-1", "council": "adur"}
    event = {"specversion": "1.0", "type": f"tallystick.{type_}.v1", "data": data} | fields
    return decode_event(msgspec.json.encode(event))
