"""The reasons for which a record is refused; tests/integration/test_poison.py tries each kind on the services."""

import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.items import WorkCompleted
from shared.log.port import Record
from shared.log.validation import InvalidRecord, Reason, read_event
from tests.support.poison import GOOD, KEY, POISON, SHARD

PAGE = Path(__file__).parents[4] / "docs/events.md"
CARRIED = frozenset({WorkCompleted})
NOON_MS = 1_778_155_200_000


def read(value: bytes, *, at_ms: int = NOON_MS) -> WorkCompleted | InvalidRecord:
    return read_event(SHARD, Record(0, KEY, value, (), at_ms), CARRIED)


def test_every_reason_is_tried_and_explained_to_those_who_send() -> None:
    explained = re.findall(r"^\| `([A-Z_]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)

    assert set(explained) == set(get_args(Reason)) == {poison.reason for poison in POISON}


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        ("2026-05-07T12:05:00Z", None),  # Thursday, five minutes after the record was appended
        ("2026-05-07T12:05:00.001Z", "FUTURE_TIME"),
        ("2025-04-02T12:00:00Z", None),  # 400 days before it
        ("2025-04-02T11:59:59.999Z", "TOO_OLD"),
    ],
)
def test_a_time_is_believed_from_400_days_before_to_5_minutes_after_its_sending(time: str, reason: str | None) -> None:
    found = read(GOOD.replace(b"2026-05-07T12:00:00Z", time.encode()))

    assert (found.reason if isinstance(found, InvalidRecord) else None) == reason


@settings(max_examples=300)
@given(st.binary(max_size=60), st.integers(0, len(GOOD)), st.integers(0, 20), st.integers(-1, 2**45))
def test_whatever_is_sent_is_an_event_or_refused_and_nothing_raises(
    noise: bytes, at: int, instead_of: int, at_ms: int
) -> None:
    for value in (noise, GOOD[:at] + noise + GOOD[at + instead_of :]):
        assert isinstance(read(value, at_ms=at_ms), WorkCompleted | InvalidRecord)
