"""Laws of working time, and its agreement with a walk minute by minute; about changes of the clocks, in four zones."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from shared.contracts.definitions import Calendar
from tests.support import minute_walk
from tests.support.calendars import calendar, compiled, spans
from tests.support.instants import epoch
from tests.support.laws import law

Case = tuple[Calendar, int, int]
DAY_S = 86_400
# Monday's hours go on until Tuesday 12:00, and Tuesday's own are over at 02:59.
OVERNIGHT_PAST_THE_NEXT_DAY = (
    calendar(weekly={"mon": ("19:30-12:00",), "tue": ("02:30-02:59",), "wed": ("09:00-17:00",)}),
    epoch("Tue 2026-03-24 11:46"),
    epoch("Tue 2026-03-24 11:46"),
)


@law
@given(spans())
def test_open_seconds_are_those_that_a_walk_minute_by_minute_finds(case: Case) -> None:
    definition, a, b = case

    assert compiled(definition).between(a, b) == minute_walk.open_seconds(definition, a, b)


@law
@given(spans(), st.integers(0, 20 * 3600))
def test_a_due_instant_is_the_first_that_a_walk_minute_by_minute_reaches(case: Case, seconds: int) -> None:
    definition, a, _ = case
    limit = a + 3 * DAY_S

    due = compiled(definition).add(a, seconds)

    walked = minute_walk.instant_after(definition, a, seconds, limit=limit)
    assert due == walked if walked is not None else due is None or due > limit


@law
@given(spans(), st.integers(0, 3))
@example(OVERNIGHT_PAST_THE_NEXT_DAY, 1)
def test_a_due_day_closes_when_the_walked_days_do(case: Case, days: int) -> None:
    definition, a, _ = case
    first = datetime.fromtimestamp(a, UTC).date() - timedelta(days=3)
    walked = (minute_walk.hours_of_date(definition, first + timedelta(days=shift)) for shift in range(10))
    later = [closing for _, closing in filter(None, walked) if closing >= a]

    due = compiled(definition).add_working_days(a, days, rule="closing-time")

    # A night that goes on after the next day's closing is waited for (R53).
    assert len(later) <= days or due == max(later[: days + 1])


@law
@given(spans(), st.integers(0, 400 * 3600))
def test_between_undoes_add(case: Case, seconds: int) -> None:
    definition, a, _ = case
    working = compiled(definition)

    due = working.add(a, seconds)

    if due is not None:
        assert working.between(a, due) == seconds
        assert seconds == 0 or working.between(a, due - 1) == seconds - 1, "an earlier instant would have done"


@law
@given(spans(), st.integers(0, 50))
def test_calendar_days_are_those_of_the_zone_database(case: Case, days: int) -> None:
    definition, a, _ = case
    due = compiled(definition).add_calendar_days(a, days)

    assert due == (max(_same_time(definition, received, days) for received in _lately(a)) if days else a)


def _same_time(definition: Calendar, received: int, days: int) -> int:
    # A sum has fold=0: the first pass of a repeated hour, and in a skipped one the offset before it, which is forward.
    return int((datetime.fromtimestamp(received, ZoneInfo(definition.zone)) + timedelta(days=days)).timestamp())


def _lately(a: int) -> list[int]:
    """`a`, and the last second of each minute of the two hours before: a receipt there is not due later (R53)."""
    return [a, *range(a // 60 * 60 - 1, a - 2 * 3600, -60)]


@law
@given(spans(), st.floats(0, 1))
def test_open_seconds_of_parts_add_up_and_never_exceed_the_time_that_passed(case: Case, share: float) -> None:
    definition, a, b = case
    working = compiled(definition)
    middle = a + int((b - a) * share)

    assert working.between(a, b) == working.between(a, middle) + working.between(middle, b)
    assert 0 <= working.between(a, middle) <= middle - a


@law
@given(spans(), st.integers(0, 200 * 3600), st.integers(0, 3600))
def test_a_later_start_or_a_longer_allowance_is_never_due_earlier(case: Case, seconds: int, more: int) -> None:
    definition, a, b = case
    working = compiled(definition)
    due = working.add(a, seconds)
    others = [working.add(b, seconds), working.add(a, seconds + more)]

    assert all(other is None or (due is not None and due <= other) for other in others)


@law
@given(spans())
def test_segments_cover_the_span_without_a_gap_and_sum_to_its_open_seconds(case: Case) -> None:
    definition, a, b = case
    working = compiled(definition)

    found = working.segments(a, b)

    ends = [segment.end for segment in found]
    assert [segment.start for segment in found] == [a, *ends][: len(found)]
    assert ends[-1:] == ([b] if a < b else [])
    assert sum(segment.end - segment.start for segment in found if segment.open) == working.between(a, b)
    for segment in found:
        wanted = segment.end - segment.start if segment.open else 0
        assert working.between(segment.start, segment.end) == wanted


@law
@given(spans(), st.integers(0, 100 * 3600))
def test_snapping_forward_twice_is_snapping_once_and_costs_no_open_second(case: Case, seconds: int) -> None:
    definition, a, _ = case
    working = compiled(definition)
    due = working.add(a, seconds)

    if due is not None and (opening := working.next_open(due)) is not None:
        assert working.next_open(opening) == opening
        assert working.is_open(opening)
        assert working.between(due, opening) == 0


@law
@given(spans())
def test_a_second_is_open_exactly_if_it_counts(case: Case) -> None:
    definition, a, _ = case
    working = compiled(definition)

    assert working.is_open(a) == (working.between(a, a + 1) == 1)
