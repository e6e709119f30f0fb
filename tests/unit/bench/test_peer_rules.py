"""The step that peers are given does what the product does with the same records; a missing peer is left out."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.contracts.codec import decode_event
from shared.contracts.topics import PARTITIONS
from shared.contracts.verdicts import TargetBreached, TargetMet, VerdictCorrected, WarningReached
from shared.log.partitioner import partition_of
from shared.log.port import Message
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.item import load_item
from tests.bench_stack.environment import BenchEnvironment
from tests.bench_stack.peer_rules import AGREEMENTS, step
from tests.bench_stack.peers import Peer, measure
from tests.support.tickets import messages

ITEMS = 60
SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)  # as in the bench's log, everything is appended long after it happened


def test_the_last_verdict_announced_of_each_item_is_the_one_that_its_whole_history_has() -> None:
    stored: dict[str, bytes] = {}
    announced: defaultdict[str, list[object]] = defaultdict(list)
    for offset, message in enumerate(messages(items=ITEMS)):
        if _is_left_open(message):
            continue
        key = message.key.encode()
        stepped = step(
            stored.get(message.key),
            key,
            message.value,
            partition=partition_of(key, PARTITIONS),
            offset=offset,
            timestamp_ms=int(SENT.timestamp()) * 1000,
        )
        stored[message.key] = stepped.stored
        announced[message.key] += [decode_event(event) for event in stepped.announced]

    last = {key: _last_outcome(events) for key, events in announced.items()}
    assert len(last) == ITEMS
    assert set(last.values()) == {"met", "breached"}
    assert last == {key: _outcome(key, blob) for key, blob in stored.items()}


def test_a_peer_that_cannot_be_installed_is_left_out_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    missing = Peer("A peer", (f"{tmp_path}/is-not-there==1.2",), (), "")

    line = measure(BenchEnvironment("", "", "", {}), missing, events=1)

    assert isinstance(line, str)
    assert line.startswith("A peer 1.2 is left out: ")
    assert "\n" not in line


def _is_left_open(message: Message) -> bool:
    """Whether it would end one of every three items: those stay open, and breached by now."""
    return int(message.key[-1]) % 3 == 0 and b"ticket.resolved" in message.value


def _last_outcome(events: list[object]) -> str:
    """By the last decision; one that is retracted after it would fail here."""
    last = [event for event in events if not isinstance(event, WarningReached)][-1]
    assert isinstance(last, TargetMet | TargetBreached | VerdictCorrected)
    return last.data.outcome


def _outcome(key: str, stored: bytes) -> str:
    council, _, item = key.partition(":")
    facts = load_item(stored).facts
    evaluation = evaluate(
        facts, council=council, stream="ticket", item=item, agreement_index=AGREEMENTS, as_of=int(SENT.timestamp())
    )
    (verdict,) = evaluation.verdicts
    return verdict.outcome.value
