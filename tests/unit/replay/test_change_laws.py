"""The laws of re-exports: what holds is a function of the exports, whatever the order in which they are replayed."""

from collections.abc import Iterable
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.items import FactWithdrawn
from tallystick.replay.events import TimedEvent
from tallystick.replay.export_register import Span, open_register
from tests.support.export_log import JUNE, ExportLog, tickets, tickets_of
from tests.support.laws import law
from tests.support.replays import NAMED_READINGS, replay

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
        both, alone = ExportLog("/replay/desk", register), ExportLog("/replay/desk", other)
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
            log = ExportLog("/replay/desk", register)
            for as_of_us, (items, complete) in order:
                stated = tickets_of(_rows(items))
                log.export(stated, as_of_us=as_of_us, complete=JUNE if complete else None)
            found.append(log.facts)

    assert found[0] == found[1]


@law
@given(st.lists(EXPORT, min_size=1, max_size=3))
def test_replaying_an_export_twice_changes_nothing(exports: list[tuple[list[tuple[str, str, str]], bool]]) -> None:
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        for as_of_us, (items, complete) in enumerate(exports):
            stated, span = tickets_of(_rows(items)), JUNE if complete else None
            log.export(stated, as_of_us=as_of_us, complete=span)
            again = log.export(stated, as_of_us=as_of_us, complete=span)
            assert (again.new, again.withdrawn, again.gone) == (0, 0, 0)


@law
@given(st.lists(st.sampled_from(["", "2026-06-21T10:00:00", "2026-06-22T10:00:00"]), min_size=1, max_size=8))
def test_a_fact_that_goes_and_comes_back_holds_once_under_an_id_that_was_never_used(resolved: list[str]) -> None:
    """Whatever the exports said before, what holds is the last; `ExportLog.export` asserts that no id is used twice."""
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
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
        log = ExportLog("/replay/desk", register)
        log.export(tickets_of(_rows(rows)), as_of_us=1)
        changes = log.export(tickets_of(_rows(rows[gone:])), as_of_us=2, complete=JUNE)

    assert (changes.gone, changes.span) == (gone, there)
    assert changes.too_many_gone == (gone * 100 > there * 2)


class Export(NamedTuple):
    """What an export has of its items: all rows, or the first facts of an item of which a row was refused."""

    items: list[tuple[str, str, str]]
    refused: dict[str, bool]  # by number: whether the refused row names its council
    complete: bool

    def replayed(self, log: ExportLog, *, as_of_us: int) -> None:
        """The export as it was read: of an item that is refused only the opening, or nothing, was."""
        part = [(number, opened, "" if number in self.refused else done) for number, opened, done in self.items]
        names = [("adur" if named else "", number) for number, named in self.refused.items()]
        span = JUNE if self.complete else None
        log.export(tickets_of(_rows(part)), as_of_us=as_of_us, complete=span, refused=names)

    def put_right(self, log: ExportLog, *, as_of_us: int) -> None:
        """The same export with its refused rows put right."""
        log.export(tickets_of(_rows(self.items)), as_of_us=as_of_us, complete=JUNE if self.complete else None)


REFUSED = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.booleans(), max_size=2)
ITEMS = st.lists(ITEM, max_size=3, unique_by=lambda item: item[0])


def after(exports: Iterable[tuple[int, Export]], *, then_right: bool = False) -> set[str]:
    """What holds after the exports, each replayed as of its number, in that order."""
    exports = list(exports)
    with open_register(None) as register:
        log = ExportLog("/replay/desk", register)
        for as_of_us, export in exports:
            export.replayed(log, as_of_us=as_of_us)
        for as_of_us, export in exports if then_right else ():
            export.put_right(log, as_of_us=as_of_us)
        return log.facts


@law
@given(
    st.lists(st.builds(Export, ITEMS, REFUSED, st.just(False)), min_size=2, max_size=4),
    st.randoms(use_true_random=False),
)
def test_any_order_of_exports_with_refused_rows_ends_the_same(exports: list[Export], random: Random) -> None:
    numbered = list(enumerate(exports, start=1))

    assert after(numbered) == after(random.sample(numbered, len(numbered)))


@law
@given(st.builds(Export, ITEMS, REFUSED, st.booleans()), st.builds(Export, ITEMS, REFUSED, st.booleans()))
def test_two_exports_with_refused_rows_end_the_same_also_where_they_are_complete(one: Export, other: Export) -> None:
    assert after([(1, one), (2, other)]) == after([(2, other), (1, one)])


@law
@given(
    st.lists(st.builds(Export, ITEMS, REFUSED, st.booleans()), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
)
def test_once_refused_rows_are_put_right_it_is_as_if_none_had_been_refused(
    exports: list[Export], random: Random
) -> None:
    numbered = list(enumerate(exports, start=1))
    right = [(number, export._replace(refused={})) for number, export in numbered]

    assert after(random.sample(numbered, len(numbered)), then_right=True) == after(right)


READING = st.tuples(
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["2026-05-30", "2026-06-02"]),
    st.integers(min_value=1, max_value=3),
    st.integers(min_value=-2, max_value=0),
)
READ = st.tuples(st.lists(READING, max_size=3, unique_by=lambda reading: reading[0]), st.booleans())


@law
@given(st.lists(READ, min_size=2, max_size=4), st.randoms(use_true_random=False))
def test_any_order_of_exports_of_readings_ends_in_the_same_usage(
    exports: list[tuple[list[tuple[str, str, int, int]], bool]], random: Random
) -> None:
    numbered = list(enumerate(exports, start=1))
    ends = []
    for order in (numbered, random.sample(numbered, len(numbered))):
        with open_register(None) as register:
            log = ExportLog("/replay/payments", register)
            for as_of_us, (readings, complete) in order:
                log.export(readings_of(readings), as_of_us=as_of_us, complete=JUNE if complete else None)
            ends.append(log.usage)

    assert ends[0] == ends[1]


def readings_of(readings: Iterable[tuple[str, str, int, int]]) -> list[TimedEvent]:
    """Readings of one council, each with an adjustment where it has one."""
    rows = [f"{number},,leeds,{day},{lines}\n" for number, day, lines, _ in readings]
    rows += [f"{number}-less,{number},leeds,{day},{less}\n" for number, day, _, less in readings if less]
    with TemporaryDirectory() as folder:
        return replay(Path(folder), NAMED_READINGS, "number,of,council,paid,lines\n" + "".join(rows)).timed
