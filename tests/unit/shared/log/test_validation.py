"""Why bytes are no valid event, or stand in the wrong place (tests/integration/test_poison.py: on the services)."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import encode_event
from shared.contracts.items import FactWithdrawn, WorkCompleted, WorkReceived
from shared.contracts.scalars import Stream
from shared.contracts.schema import examples
from shared.log.port import Record
from shared.log.validation import InvalidRecord, Reason, read_event, validate
from shared.units import EpochMillis, Offset
from tests.support.laws import law
from tests.support.poison import AT, GOOD, ITEM, KEY, POISON, SHARD, Poison
from tests.support.recharges import received, withdrawn

PAGE = Path(__file__).parents[4] / "docs/events.md"
CARRIED: frozenset[type[WorkCompleted | FactWithdrawn]] = frozenset({WorkCompleted, FactWithdrawn})
NOON_MS = 1_778_155_200_000
# Found by where the log holds the event, or by what came before it.
BY_PLACE = {"KEY_MISMATCH", "KEY_PARTITION_MISMATCH", "FUTURE_TIME", "TOO_OLD", "ID_REUSE_CONFLICT"}


def read(value: bytes, *, at_ms: int = NOON_MS) -> WorkCompleted | FactWithdrawn | InvalidRecord:
    return read_event(SHARD, Record(Offset(0), KEY, value, (), EpochMillis(at_ms)), CARRIED)


def faults(value: bytes) -> list[str]:
    """Where the faults of `value` are."""
    found = validate(value, CARRIED)
    assert isinstance(found, InvalidRecord)
    return [fault.pointer for fault in found.faults]


def test_every_reason_is_tried_and_explained_to_those_who_send() -> None:
    explained = re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    # No single record has 10,000 events before it, nor a bug that comes up with it, and personal data is looked for
    # from a day on: they have tests of their own.
    tried = {poison.reason for poison in POISON} | {"TOO_MANY_EVENTS", "PERSONAL_DATA", "FAILED"}
    assert set(explained) == set(get_args(Reason)) == tried


@pytest.mark.parametrize(("stream", "reason"), [("work", None), ("service", None), ("ticket", "FOREIGN_TYPE")])
def test_a_withdrawal_is_accepted_on_the_topic_of_what_it_withdraws_alone(stream: Stream, reason: str | None) -> None:
    found = read(encode_event(withdrawn(received(ITEM, AT), AT, stream=stream)))

    assert (found.reason if isinstance(found, InvalidRecord) else None) == reason


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("2026-05-07T12:05:00Z", None),  # Thursday, five minutes after the record was appended
        ("2026-05-07T12:05:00.001Z", "FUTURE_TIME"),
        ("2025-04-02T12:00:00Z", None),  # 400 days before it
        ("2025-04-02T11:59:59.999Z", "TOO_OLD"),
    ],
)
def test_a_time_is_accepted_from_400_days_before_to_5_minutes_after_its_sending(time: str, reason: str | None) -> None:
    found = read(GOOD.replace(b"2026-05-07T12:00:00Z", time.encode()))

    assert (found.reason if isinstance(found, InvalidRecord) else None) == reason


@law
@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 20), st.integers(-1, 2**45))
def test_whatever_is_sent_is_an_event_or_invalid_and_nothing_raises(
    noise: bytes, at: int, instead_of: int, at_ms: int
) -> None:
    for value in (noise, GOOD[:at] + noise + GOOD[at + instead_of :]):
        assert isinstance(read(value, at_ms=at_ms), WorkCompleted | InvalidRecord)


# Without a record


@pytest.mark.parametrize("poison", POISON, ids=lambda poison: poison.kind)
def test_bytes_alone_are_invalid_for_the_same_reason_as_in_the_log(poison: Poison) -> None:
    carried = CARRIED | {WorkReceived}
    found = validate(poison.value, carried)

    if poison.reason in BY_PLACE:
        assert isinstance(found, WorkCompleted | WorkReceived)
    else:
        assert isinstance(found, InvalidRecord)
        assert found.reason == poison.reason
        assert found.faults


def test_every_fault_is_found_at_once_and_says_where_it_is() -> None:
    value = GOOD.replace(b'"units":"3"', b'"units":3').replace(b'"council":"ashby",', b"")
    value = value.replace(b"2026-05-07T12:00:00Z", b"2026-05-07")

    assert sorted(faults(value)) == ["#/council", "#/data/units", "#/time"]


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        (b"{", ["#"]),
        (b"[]", ["#"]),
        (b"{}", ["#/type"]),
        (GOOD.replace(b"completed.v1", b"finished.v1"), ["#/type"]),
        (GOOD.replace(b"2026-05-07T12:00:00Z", b"1999-12-31T23:59:59Z"), ["#/time"]),
    ],
)
def test_a_fault_has_a_pointer_where_it_has_a_place(value: bytes, pointers: list[str]) -> None:
    assert faults(value) == pointers


def test_an_event_of_another_topic_has_its_fault_at_the_type() -> None:
    found = validate(GOOD, frozenset({WorkReceived}))

    assert isinstance(found, InvalidRecord)
    assert (found.reason, [fault.pointer for fault in found.faults]) == ("FOREIGN_TYPE", ["#/type"])


def damaged(value: Any) -> list[Any]:
    """`value` with one place of it, at any depth, left out or replaced by what does not belong there."""
    wrong: list[Any] = [None, 0, -1.5, "", "\x00", [], {}, [None], {"type": "x"}]
    match value:
        case dict():
            without: list[Any] = [{other: value[other] for other in value if other != name} for name in value]
            within: list[Any] = [{**value, name: other} for name in value for other in damaged(value[name])]
            return [*wrong, *without, *within]
        case list():
            within = [
                [*value[:at], other, *value[at + 1 :]] for at in range(len(value)) for other in damaged(value[at])
            ]
            return [*wrong, *within]
        case _:
            return wrong


@pytest.mark.parametrize("name", examples())
def test_a_damaged_event_of_any_type_is_invalid_with_faults_or_an_event_and_nothing_raises(name: str) -> None:
    for event in damaged(examples()[name]):
        found = read(json.dumps(event).encode())

        assert isinstance(found, WorkCompleted | InvalidRecord)
