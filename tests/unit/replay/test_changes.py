"""Re-exports are changes: what is sent of a later export, and the laws that its sending keeps."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.codec import AnyEvent, decode_event
from shared.contracts.items import FactWithdrawn
from shared.contracts.usage import UsageAdjusted, UsageRecorded, UsageReversed
from tallystick.replay.changes import ExportChanges, ExportDifference
from tallystick.replay.events import TimedEvent
from tallystick.replay.export_register import ExportRegister, Span, open_register
from tallystick.replay.identity import Fact, content_of
from tallystick.replay.rows import ItemName
from tallystick.replay.scratch import Scratch
from tests.support.laws import law
from tests.support.replays import READINGS, TICKETS, changed, replay

HEADER = "number,council,opened,resolved\n"


@dataclass
class Log:
    """What was sent so far, and the register of exports."""

    source: str
    register: ExportRegister
    events: list[tuple[AnyEvent, bytes]] = field(default_factory=list)

    def export(
        self,
        stated: Sequence[TimedEvent],
        *,
        as_of_us: int,
        complete: Span | None = None,
        refused: Iterable[ItemName] = (),
    ) -> ExportDifference:
        """The export is sent; returns what it changed."""
        with closing(Scratch()) as scratch:
            exported = ExportChanges(scratch, self.source, as_of_us=as_of_us, complete=complete)
            exported.add_sent(self.events)
            exported.add_stated(stated)
            changes = exported.compare(self.register, set(refused))
            values = [each.value for each in exported.events(stated)]
            self.events += [(decode_event(value), value) for value in values]
            self.register.note(self.source, exported.holding_keys(), as_of_us=as_of_us, complete=complete)
        assert len(values) == changes.new + changes.withdrawn
        assert len({event.id for event, _ in self.events}) == len(self.events)
        return changes

    @property
    def facts(self) -> set[str]:
        """What holds: what was stated and not withdrawn, by its content."""
        withdrawn = {event.data.withdrawn_id for event, _ in self.events if isinstance(event, FactWithdrawn)}
        withdrawn |= {event.data.reversed_id for event, _ in self.events if isinstance(event, UsageReversed)}
        return {content_of(event) for event, _ in self.events if isinstance(event, Fact) and event.id not in withdrawn}


def tickets(folder: Path, *rows: str) -> list[TimedEvent]:
    return replay(folder, TICKETS, HEADER + "".join(f"{row}\n" for row in rows)).timed


@cache
def _of_row(row: str) -> tuple[TimedEvent, ...]:
    with TemporaryDirectory() as folder:
        return tuple(tickets(Path(folder), row))


def tickets_of(rows: Iterable[str]) -> list[TimedEvent]:
    """The same where each row is an item of its own: laws try few different rows, thousands of times."""
    return sorted((timed for row in rows for timed in _of_row(row)), key=lambda timed: timed.at_us)


OPEN_1, DONE_1 = "1,adur,2026-06-02T09:00:00,", "1,adur,2026-06-02T09:00:00,2026-06-02T10:00:00"
LATE_1, OPEN_2 = "1,adur,2026-06-02T09:00:00,2026-06-05T10:00:00", "2,adur,2026-06-03T09:00:00,"


@pytest.mark.parametrize(
    ("earlier", "later", "new", "withdrawn"),
    [
        ([OPEN_1], [OPEN_1], 0, 0),
        ([OPEN_1], [DONE_1], 1, 0),
        ([DONE_1], [LATE_1], 1, 1),
        ([DONE_1], [OPEN_1], 0, 1),
        ([DONE_1], [OPEN_2], 1, 0),  # nothing says that an item is gone
        ([DONE_1], [DONE_1.replace("09:00", "08:00"), OPEN_2], 2, 1),
        ([DONE_1], [DONE_1.replace("adur", "worthing")], 2, 0),  # another council's item
    ],
)
def test_a_later_export_sends_only_differences(
    earlier: list[str], later: list[str], new: int, withdrawn: int, tmp_path: Path
) -> None:
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        log.export(tickets(tmp_path, *earlier), as_of_us=1)

        changes = log.export(tickets(tmp_path, *later), as_of_us=2)

    assert (changes.new, changes.withdrawn) == (new, withdrawn)


def test_a_fact_that_returns_after_its_withdrawal_has_a_new_id(tmp_path: Path) -> None:
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        for number, row in enumerate([DONE_1, OPEN_1] * 3):
            log.export(tickets(tmp_path, row), as_of_us=number)  # no id is used twice: `export` asserts it
        log.export(tickets(tmp_path, DONE_1), as_of_us=9)
        alone = {timed.content for timed in tickets(tmp_path, DONE_1)}

    assert log.facts == alone


JUNE = Span(1780268400_000_000, 1782860400_000_000)  # 2026-06-01 to 2026-07-01 in London


@pytest.mark.parametrize(
    ("opened", "goes"),
    [("2026-05-31T23:59:59", 0), ("2026-06-01T00:00:00", 1), ("2026-06-30T23:59:59", 1), ("2026-07-01T00:00:00", 0)],
)
def test_an_item_that_is_not_in_a_complete_export_goes_if_it_was_opened_in_its_span(
    opened: str, goes: int, tmp_path: Path
) -> None:
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        log.export(tickets(tmp_path, f"1,adur,{opened},", OPEN_2), as_of_us=1)

        changes = log.export(tickets(tmp_path, OPEN_2), as_of_us=2, complete=JUNE)

    assert (changes.gone, changes.span) == (goes, 1 + goes)


@pytest.mark.parametrize(("gone", "asks"), [(0, False), (1, False), (2, False), (3, True)])
def test_more_than_two_percent_of_a_span_go_only_when_that_is_approved(gone: int, asks: bool, tmp_path: Path) -> None:
    rows = [f"{number},adur,2026-06-02T09:00:00," for number in range(1, 101)]
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        log.export(tickets(tmp_path, *rows), as_of_us=1)

        changes = log.export(tickets(tmp_path, *rows[gone:]), as_of_us=2, complete=JUNE)

    assert (changes.gone, changes.span, changes.too_many_gone) == (gone, 100, asks)


def test_an_item_of_which_a_row_was_refused_stays_as_it_was(tmp_path: Path) -> None:
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        log.export(tickets(tmp_path, DONE_1, OPEN_2), as_of_us=1)
        before = log.facts

        for name in (("adur", "1"), ("", "1")):
            changes = log.export(tickets(tmp_path, OPEN_2), as_of_us=2, complete=JUNE, refused=[name])
            assert (changes.held, changes.withdrawn, changes.gone) == (1, 0, 0)

    assert log.facts == before


def test_another_source_is_never_touched(tmp_path: Path) -> None:
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        log.export(tickets(tmp_path, DONE_1), as_of_us=1)
        other = Log("/replay/other", register, log.events)

        changes = other.export([], as_of_us=2, complete=JUNE)

    assert changes == changes._replace(withdrawn=0, gone=0, span=0)


NAMED = changed(READINGS, {"date: paid": "date: paid\nreading: number\nadjusts: of"})


def test_a_reading_that_changes_is_reversed_and_its_adjustments_follow_it(tmp_path: Path) -> None:
    header = "number,of,council,paid,lines\n"
    adjusted = "C1,A1,leeds,2026-06-05,-2\n"
    exports = [f"A1,,leeds,2026-06-02,5\n{adjusted}", f"A1,,leeds,2026-06-02,7\n{adjusted}", "A1,,leeds,2026-06-02,7\n"]
    with open_register(None) as register:
        log = Log("/replay/payments", register)
        for number, text in enumerate([*exports, *exports]):
            log.export(replay(tmp_path, NAMED, header + text).timed, as_of_us=number)

    events = [event for event, _ in log.events]
    reversed_ids = {event.data.reversed_id for event in events if isinstance(event, UsageReversed)}
    (holds,) = [each for each in events if isinstance(each, UsageRecorded) and each.id not in reversed_ids]
    adjustments = [
        each.data for each in events if isinstance(each, UsageAdjusted) and each.data.adjusted_id == holds.id
    ]
    assert holds.data.quantity == "7"
    assert sum(int(each.quantity) for each in adjustments) == 0  # the last export adjusts nothing


def test_a_reading_without_an_id_goes_only_from_a_complete_export(tmp_path: Path) -> None:
    header = "council,paid,lines\n"
    first, second = "leeds,2026-06-02,5\n", "leeds,2026-06-02,7\n"
    with open_register(None) as register:
        log = Log("/replay/payments", register)
        log.export(replay(tmp_path, READINGS, header + first).timed, as_of_us=1)
        assert log.export(replay(tmp_path, READINGS, header + second).timed, as_of_us=2).withdrawn == 0
        assert log.export(replay(tmp_path, READINGS, header + second).timed, as_of_us=3, complete=JUNE).gone == 1


ITEM = st.tuples(
    st.sampled_from(["1", "2", "3"]),
    st.sampled_from(["2026-05-20T09:00:00", "2026-06-02T09:00:00", "2026-06-20T09:00:00"]),
    st.sampled_from(["", "2026-06-21T10:00:00", "2026-06-22T10:00:00"]),
)
EXPORT = st.tuples(st.lists(ITEM, max_size=3, unique_by=lambda item: item[0]), st.booleans())


def _rows(items: Iterable[tuple[str, str, str]]) -> list[str]:
    return [f"{number},adur,{opened},{resolved}" for number, opened, resolved in items]


def test_the_rows_of_a_file_make_the_events_of_the_rows_one_by_one(tmp_path: Path) -> None:
    rows = _rows([("2", "2026-06-20T09:00:00", "2026-06-22T10:00:00"), ("1", "2026-05-20T09:00:00", "")])

    assert tickets_of(rows) == tickets(tmp_path, *rows)


@law
@given(st.lists(ITEM, unique_by=lambda item: item[0]), st.lists(ITEM, unique_by=lambda item: item[0]))
def test_june_and_then_july_is_july_alone(june: list[tuple[str, str, str]], july: list[tuple[str, str, str]]) -> None:
    """Where both are complete for all that was ever opened."""
    ever = Span(0, 4_000_000_000_000_000)
    with open_register(None) as register, open_register(None) as other:
        both, alone = Log("/replay/desk", register), Log("/replay/desk", other)
        both.export(tickets_of(_rows(june)), as_of_us=1, complete=ever)
        both.export(tickets_of(_rows(july)), as_of_us=2, complete=ever)
        alone.export(tickets_of(_rows(july)), as_of_us=2, complete=ever)

    assert both.facts == alone.facts


@law
@given(st.lists(EXPORT, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_any_order_of_exports_ends_the_same(
    exports: list[tuple[list[tuple[str, str, str]], bool]], random: Random
) -> None:
    numbered = list(enumerate(exports, start=1))
    shuffled = list(numbered)
    random.shuffle(shuffled)
    found = []
    for order in (numbered, shuffled):
        with open_register(None) as register:
            log = Log("/replay/desk", register)
            for as_of_us, (items, complete) in order:
                stated = tickets_of(_rows(items))
                log.export(stated, as_of_us=as_of_us, complete=JUNE if complete else None)
            found.append(log.facts)

    assert found[0] == found[1]


@law
@given(st.lists(EXPORT, min_size=1, max_size=3))
def test_replaying_an_export_twice_changes_nothing(exports: list[tuple[list[tuple[str, str, str]], bool]]) -> None:
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        for as_of_us, (items, complete) in enumerate(exports):
            stated, span = tickets_of(_rows(items)), JUNE if complete else None
            log.export(stated, as_of_us=as_of_us, complete=span)
            again = log.export(stated, as_of_us=as_of_us, complete=span)
            assert (again.new, again.withdrawn, again.gone) == (0, 0, 0)


@law
@given(st.lists(st.sampled_from(["", "2026-06-21T10:00:00", "2026-06-22T10:00:00"]), min_size=1, max_size=8))
def test_a_fact_that_goes_and_comes_back_holds_once_under_an_id_that_was_never_used(resolved: list[str]) -> None:
    """Whatever the exports said before, what holds is the last; `Log.export` asserts that no id is used twice."""
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        for as_of_us, at in enumerate(resolved):
            log.export(tickets_of(_rows([("1", "2026-06-02T09:00:00", at)])), as_of_us=as_of_us)

    assert log.facts == {timed.content for timed in tickets_of(_rows([("1", "2026-06-02T09:00:00", resolved[-1])]))}
    live = len(log.events) - 2 * sum(isinstance(event, FactWithdrawn) for event, _ in log.events)
    assert live == len(log.facts)


@law
@given(there=st.integers(min_value=1, max_value=160), missing=st.integers(min_value=0, max_value=5))
def test_a_span_is_held_exactly_where_more_than_two_in_a_hundred_of_its_items_would_go(
    there: int, missing: int
) -> None:
    rows = [(str(number), "2026-06-02T09:00:00", "") for number in range(1, there + 1)]
    gone = min(missing, there)
    with open_register(None) as register:
        log = Log("/replay/desk", register)
        log.export(tickets_of(_rows(rows)), as_of_us=1)
        changes = log.export(tickets_of(_rows(rows[gone:])), as_of_us=2, complete=JUNE)

    assert (changes.gone, changes.span) == (gone, there)
    assert changes.too_many_gone == (gone * 100 > there * 2)
