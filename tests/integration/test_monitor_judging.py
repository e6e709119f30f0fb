"""The monitor on the embedded log and state: what it announces, and when."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shared.contracts.definitions import Agreement
from shared.contracts.verdicts import TargetBreached, TargetMet, VerdictCorrected, VerdictEvent
from shared.log.port import Shard
from shared.scope import Scope
from shared.state.embedded import EmbeddedStateStore
from shared.state.port import MAX_WRITE_BYTES, Change, Head
from sla_monitor.judging import processor
from sla_monitor.reports.items import find_items
from sla_monitor.reports.periods import attainments
from tests.support.histories import calendar, local_text
from tests.support.monitoring import Monitor, idle_monitor, local, monitor, ticket

NOON, EVENING = "Mon 2026-03-02 12:00", "Mon 2026-03-02 18:00"
OPENED = ("Mon 2026-03-02 09:00", "opened")


def agreement(**fields: Any) -> Agreement:
    """Eight working hours to resolve, warnings at 75 and 90%."""
    target = {
        "id": "resolve",
        "service": "*",
        "measure": "resolution-time",
        "within": "8 working hours",
        "calendar": "office",
    }
    held = {"id": "adur-2026", "council": "adur", "provider": "joint", "title": "Illustrative", "targets": [target]}
    return msgspec.convert(held | fields, Agreement)


async def _ready(on: Monitor) -> None:
    await on.publish_catalogue(calendar(), agreement())
    await on.wait_until_idle()


def _instants(events: list[VerdictEvent]) -> list[tuple[str, str | None]]:
    return sorted((type(event).__name__, local_text(int(event.time.timestamp()))) for event in events)


@pytest.fixture(autouse=True)
def _on_each_database(database_of: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_of("sla_monitor"))


def test_warnings_and_the_breach_come_when_time_passes_without_events(tmp_path: Path) -> None:
    async def scenario() -> list[list[str]]:
        async with monitor(tmp_path, now=NOON) as on:
            await _ready(on)
            await on.send(*ticket(OPENED))
            kinds = []
            for now in (NOON, "Mon 2026-03-02 15:00", "Mon 2026-03-02 16:59:59", EVENING, "Tue 2026-03-03 09:00:01"):
                on.clock.move(now)
                await on.wait_until_idle()
                kinds.append(await on.kinds())
            return kinds

    noon, three, five, evening, next_day = asyncio.run(scenario())
    assert noon == []
    assert three == ["WarningReached"]
    assert five == evening == ["WarningReached", "WarningReached"]  # used up at closing: not late until hours open
    assert next_day == ["WarningReached", "WarningReached", "TargetBreached"]


def test_a_breach_is_stamped_with_its_instant_however_late_it_is_noticed(tmp_path: Path) -> None:
    async def scenario() -> list[VerdictEvent]:
        async with monitor(tmp_path, now=NOON) as on:
            await _ready(on)
            await on.send(*ticket(OPENED))
            on.clock.move("Fri 2026-05-01 12:00")
            await on.wait_until_idle()
            return await on.announced()

    breach = next(event for event in asyncio.run(scenario()) if isinstance(event, TargetBreached))
    assert (local_text(int(breach.time.timestamp())), breach.data.month) == ("Tue 2026-03-03 09:00", "2026-03")


def test_a_backlog_of_work_done_in_time_makes_no_false_breach(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with monitor(tmp_path, now="Fri 2026-05-01 12:00") as on:
            for number in range(100):
                opened, resolved = ticket(OPENED, ("Mon 2026-03-02 16:00", "resolved"), item=f"T{number}")
                await on.send(opened)
                await on.send(resolved)
            await _ready(on)
            return await on.kinds()

    assert set(asyncio.run(scenario())) == {"WarningReached", "TargetMet"}


def test_a_pause_received_late_corrects_the_breach_and_names_its_cause(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[VerdictEvent], list[VerdictEvent]]:
        async with monitor(tmp_path, now="Wed 2026-03-04 12:00") as on:
            await _ready(on)
            await on.send(*ticket(OPENED), ticket(("Tue 2026-03-03 12:00", "resolved"))[0])
            await on.wait_until_idle()
            before = await on.announced()
            paused = ticket(("Mon 2026-03-02 10:00", "paused"), ("Tue 2026-03-03 10:00", "resumed"))
            await on.send(*paused, at="Wed 2026-03-04 12:00")
            await on.wait_until_idle()
            return before, await on.announced()

    before, after = asyncio.run(scenario())
    assert [type(event) for event in before if not type(event).__name__.startswith("Warning")] == [TargetBreached]
    # The pause alone may be read first: then it is what turns the verdict, and its end only adds to the figures.
    corrected = [event.data for event in after if isinstance(event, VerdictCorrected)]
    assert (corrected[0].was, corrected[-1].outcome, corrected[-1].elapsed_s) == ("breached", "met", 3 * 3600)
    assert corrected[-1].cause == "T1:Tue 2026-03-03 10:00:resumed"


def test_events_wait_for_an_agreement_and_are_judged_when_it_comes(tmp_path: Path) -> None:
    async def scenario() -> tuple[Counter[str], list[str], Counter[str], list[str]]:
        async with monitor(tmp_path, now=EVENING) as on:
            await on.send(*ticket(OPENED, (NOON, "resolved")))
            await on.wait_until_idle()
            waiting, silent = await _counts(on), await on.kinds()
            await _ready(on)
            return waiting, silent, await _counts(on), await on.kinds()

    waiting, silent, judged, kinds = asyncio.run(scenario())
    assert (waiting["parked"], waiting["applied"], silent) == (2, 0, [])
    assert (judged["parked"], judged["applied"], kinds) == (0, 2, ["TargetMet"])


def test_a_fact_received_before_its_opening_is_parked_with_it_and_counted_once(tmp_path: Path) -> None:
    async def scenario() -> tuple[Counter[str], Counter[str]]:
        async with monitor(tmp_path, now=EVENING) as on:
            opened, resolved = ticket(OPENED, (NOON, "resolved"))
            for event in (resolved, opened):
                await on.send(event, at=NOON)
                await on.wait_until_idle()
            waiting = await _counts(on)
            await _ready(on)
            return waiting, await _counts(on)

    waiting, judged = asyncio.run(scenario())
    assert (waiting["parked"], waiting["applied"]) == (2, 0)
    assert (judged["parked"], judged["applied"]) == (0, 2)


def test_a_new_holiday_moves_open_items_and_leaves_ended_ones(tmp_path: Path) -> None:
    async def scenario() -> list[VerdictEvent]:
        async with monitor(tmp_path, now="Tue 2026-03-03 08:00") as on:
            await _ready(on)
            await on.send(*ticket(OPENED, (NOON, "resolved"), item="ended"))
            await on.send(*ticket(("Mon 2026-03-02 12:00", "opened"), item="open"))
            await on.wait_until_idle()
            proclaimed = calendar(closed={date(2026, 3, 3): "Proclaimed"})
            await on.publish_catalogue(proclaimed, version=2)
            await on.wait_until_idle()
            on.clock.move("Thu 2026-03-05 12:00")
            await on.wait_until_idle()
            return await on.announced()

    events = asyncio.run(scenario())
    breach = next(event for event in events if isinstance(event, TargetBreached))
    assert (breach.subject, local_text(int(breach.time.timestamp()))) == ("open", "Wed 2026-03-04 12:00")
    assert [event.subject for event in events if isinstance(event, TargetMet)] == ["ended"]
    assert breach.data.calendar_version == 2


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("adur:T1", b"", "EMPTY"),
        ("adur:T1", b"{", "UNREADABLE"),
        ("adur:T1", b"[]", "UNREADABLE"),
        ("adur:T1", b"\xff\xfe", "UNREADABLE"),
        ("adur:T1", b" " * (256 * 1024 + 1), "TOO_LARGE"),
        ("adur:T2", None, "KEY_MISMATCH"),
    ],
)
def test_an_invalid_record_is_quarantined_with_its_bytes(
    tmp_path: Path, key: str, value: bytes | None, reason: str
) -> None:
    (good,) = ticket(OPENED)

    async def scenario() -> tuple[list[tuple[str, bytes | None]], Counter[str], list[str]]:
        async with monitor(tmp_path, now=EVENING) as on:
            await _ready(on)
            await on.send_raw(key, msgspec.json.encode(good) if value is None else value, at=NOON)
            await on.send(*ticket(OPENED, (NOON, "resolved"), item="T9"))
            await on.wait_until_idle()
            quarantined = [(held.reason, held.value) for held in await on.quarantined_records()]
            return quarantined, await _counts(on), await on.kinds()

    quarantined, counts, kinds = asyncio.run(scenario())
    assert [why for why, _ in quarantined] == [reason]
    assert (counts["quarantined"], counts["applied"], kinds) == (1, 2, ["TargetMet"])
    if value:
        assert quarantined[0][1] == value


def test_a_future_and_an_ancient_event_are_quarantined(tmp_path: Path) -> None:
    async def scenario() -> list[str]:
        async with monitor(tmp_path, now=EVENING) as on:
            await _ready(on)
            await on.send(*ticket(("Mon 2026-03-02 12:05:01", "opened"), item="early"), at=NOON)
            await on.send(*ticket(("Mon 2026-03-02 12:05", "opened"), item="skewed"), at=NOON)
            await on.send(*ticket(("Fri 2025-01-24 12:00", "opened"), item="ancient"), at=NOON)
            await on.wait_until_idle()
            return sorted(held.reason for held in await on.quarantined_records())

    assert asyncio.run(scenario()) == ["FUTURE_TIME", "TOO_OLD"]


def test_the_same_id_with_other_content_is_a_conflict_and_repetition_is_not(tmp_path: Path) -> None:
    opened, resolved = ticket(OPENED, (NOON, "resolved"))
    forged = msgspec.structs.replace(resolved, time=local("Mon 2026-03-02 10:00"))

    async def scenario() -> tuple[Counter[str], list[VerdictEvent]]:
        async with monitor(tmp_path, now=EVENING) as on:
            await _ready(on)
            await on.send(opened, resolved, resolved, opened, forged)
            await on.wait_until_idle()
            return await _counts(on), await on.announced()

    counts, events = asyncio.run(scenario())
    assert (counts["applied"], counts["duplicate"], counts["quarantined"]) == (2, 2, 1)
    assert [local_text(int(event.time.timestamp())) for event in events] == [NOON]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_any_order_of_arrival_ends_in_the_same_verdicts(tmp_path: Path, order: tuple[int, ...]) -> None:
    events = ticket(
        OPENED,
        ("Mon 2026-03-02 10:00", "paused"),
        ("Mon 2026-03-02 15:00", "resumed"),
        ("Tue 2026-03-03 09:30", "resolved"),
    )

    async def scenario() -> list[tuple[str, int, int, str | None, int]]:
        async with monitor(tmp_path, now="Tue 2026-03-03 12:00") as on:
            await _ready(on)
            for index in order:
                await on.send(events[index], at="Tue 2026-03-03 10:00")
                await on.wait_until_idle()
            (answer,) = await find_items(on.app.sources, Scope.all(), "T1")
            (verdict,) = answer.evaluation.verdicts
            (row,) = await asyncio.to_thread(attainments, on.app.sources, Scope.all(), month=None)
            counted = row.counts
            return [(verdict.outcome, counted.met, counted.total, local_text(verdict.due), verdict.elapsed_s)]

    assert asyncio.run(scenario()) == [("met", 1, 1, "Tue 2026-03-03 14:00", int(3.5 * 3600))]


def test_a_monitor_stopped_and_started_again_announces_nothing_twice(tmp_path: Path) -> None:
    async def scenario() -> tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]:
        async with monitor(tmp_path, now=NOON) as on:
            await _ready(on)
            await on.send(*ticket(OPENED))
            await on.wait_until_idle()
        async with monitor(tmp_path, now="Tue 2026-03-03 12:00") as on:
            await on.wait_until_idle()
            first = _instants(await on.announced())
        async with monitor(tmp_path, now="Tue 2026-03-03 12:00") as on:
            await on.send(*ticket(OPENED))
            await on.wait_until_idle()
            return first, _instants(await on.announced())

    first, second = asyncio.run(scenario())
    assert first == second
    assert len(first) == 3


async def _counts(on: Monitor) -> Counter[str]:
    """What became of all records; checks that every offset is accounted for."""
    total: Counter[str] = Counter()
    for head in (await on.heads()).values():
        assert head.next_offset - head.first_offset == sum(head.counts.values())
        total.update(head.counts)
    return total


@pytest.mark.parametrize(("most_bytes", "is_cut"), [(1, True), (2_500, True), (MAX_WRITE_BYTES, False)])
def test_a_write_holds_no_more_bytes_than_it_may_and_what_is_announced_is_the_same(
    most_bytes: int, is_cut: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[tuple[int, int]] = []
    commit = EmbeddedStateStore.commit

    async def noting(self: EmbeddedStateStore, shard: Shard, seen: Head | None, change: Change) -> None:
        written.append((change.size, len(change.items)))
        await commit(self, shard, seen, change)

    async def scenario() -> tuple[list[VerdictEvent], Counter[str]]:
        async with idle_monitor(tmp_path, now=NOON) as on:
            await on.publish_catalogue(calendar(), agreement())
            for number in range(100):
                await on.send(*ticket(OPENED, ("Mon 2026-03-02 10:00", "asked"), item=f"T{number}"))
        async with monitor(tmp_path, now=NOON) as on:
            await on.wait_until_idle()
            on.clock.move("Tue 2026-03-03 09:00:01")
            await on.wait_until_idle()
            counts = [Counter(head.counts) for head in (await on.heads()).values()]
            return await on.announced(), sum(counts, Counter[str]())

    monkeypatch.setattr(EmbeddedStateStore, "commit", noting)
    monkeypatch.setattr(processor, "MAX_WRITE_BYTES", most_bytes)
    announced, counts = asyncio.run(scenario())

    # One record's item and one that is due are written however large they are.
    assert all(size <= most_bytes or items <= 2 for size, items in written)
    assert (max(size for size, _ in written) <= 2_500) == is_cut
    assert counts["applied"] == counts.total() == 2 * 100
    assert Counter(_instants(announced)) == {
        ("WarningReached", "Mon 2026-03-02 15:00"): 100,
        ("WarningReached", "Mon 2026-03-02 16:12"): 100,
        ("TargetBreached", "Tue 2026-03-03 09:00"): 100,
    }
