"""Misses remaining at the volume to be expected (R49), the forecast, and windows that are worth an alert (R50)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.definitions import Objective
from shared.contracts.objectives import Attained, Judgement, Ratio, judge
from sla_monitor.domain.budget import (
    PLAUSIBLE_TIMES,
    WORKING_WINDOWS,
    PeriodState,
    Volume,
    WorkingWindow,
    budget,
    can_fire,
    fires,
    window_start,
)
from tests.support.calendars import working_time
from tests.support.definitions import objective
from tests.support.instants import epoch, written
from tests.support.laws import law

QUIET = (Attained(98, 100), Attained(97, 100), Attained(99, 100))

_attained = st.integers(0, 300).flatmap(lambda total: st.builds(Attained, st.integers(0, total), st.just(total)))
_objectives = st.builds(
    objective, percent=st.sampled_from(("80", "92", "95", "99.5", "100")), misses_always_allowed=st.sampled_from((0, 2))
)


@st.composite
def _standings(draw: st.DrawFn) -> PeriodState:
    open_ = draw(st.integers(0, 80))
    return PeriodState(
        attained=draw(_attained),
        open=Volume(open_),
        at_risk=Volume(draw(st.integers(0, open_))),
        earlier=draw(st.lists(_attained, max_size=3)),
        ended=draw(st.booleans()),
    )


@pytest.mark.parametrize(
    ("decided", "open_items", "earlier", "ended", "expected"),
    [
        (10, 5, (), False, 15),
        (10, 5, (100, 101), False, 101),  # the mean of 100.5, rounded half up
        (10, 5, (100, 0), False, 100),  # a month without volume came before the service began
        (90, 20, (100, 100), False, 110),  # what is known already beats the mean
        (10, 5, (100, 100), True, 15),
    ],
)
def test_r49_the_expected_volume_is_the_mean_of_the_periods_before_and_never_below_what_is_known(
    decided: int, open_items: int, earlier: tuple[int, ...], ended: bool, expected: int
) -> None:
    before = [Attained(total, total) for total in earlier]
    state = PeriodState(Attained(decided, decided), open=Volume(open_items), earlier=before, ended=ended)

    assert budget(state, objective()).expected == expected


@pytest.mark.parametrize(
    ("missed", "remaining", "consumed", "alert"),
    [(0, 5, 0, None), (2, 3, 40, None), (3, 2, 60, 50), (4, 1, 80, 75), (5, 0, 100, 100), (6, -1, 120, 100)],
)
def test_r49_misses_use_up_the_allowance_of_the_expected_volume(
    missed: int, remaining: int, consumed: int, alert: int | None
) -> None:
    found = budget(PeriodState(Attained(20 - missed, 20), earlier=QUIET), objective(percent="95"))

    assert (found.allowed, found.remaining, found.consumed_percent, found.alert_percent) == (
        5,
        remaining,
        consumed,
        alert,
    )


@pytest.mark.parametrize(("missed", "consumed", "alert"), [(0, 0, None), (1, None, 100)])
def test_where_no_miss_is_allowed_the_first_one_is_the_last_alert(
    missed: int, consumed: int | None, alert: int | None
) -> None:
    found = budget(PeriodState(Attained(4 - missed, 4)), objective(percent="95"))

    assert (found.allowed, found.consumed_percent, found.alert_percent, found.low_volume) == (0, consumed, alert, True)


@pytest.mark.parametrize(
    ("missed", "earlier", "ended", "certain"),
    [
        (10, QUIET, False, False),  # 200 items, twice the busiest month, would allow 10
        (11, QUIET, False, True),
        (11, (), False, False),  # nobody knows how much may come
        (2, QUIET, True, True),  # ended: 20 items allow 1
    ],
)
def test_r49_a_period_is_lost_for_certain_only_if_no_plausible_volume_can_make_up_for_its_misses(
    missed: int, earlier: tuple[Attained, ...], ended: bool, certain: bool
) -> None:
    state = PeriodState(Attained(20 - missed, 20), earlier=earlier, ended=ended)

    assert budget(state, objective(percent="95")).exhausted_for_certain is certain


def test_by_value_the_allowance_is_in_pence_and_open_items_weigh_what_they_are_worth() -> None:
    state = PeriodState(Attained(9, 10, 90_000, 100_000), open=Volume(1, 100_000))

    found = budget(state, objective(percent="90", weighted_by="value"))

    assert (found.expected, found.allowed, found.remaining) == (200_000, 20_000, 10_000)


def test_the_forecast_follows_this_period_and_the_earlier_ones_together() -> None:
    state = PeriodState(Attained(8, 10), open=Volume(20), at_risk=Volume(4), earlier=[Attained(82, 90)])

    found = budget(state, objective(percent="95"))

    # Ninety of a hundred were good; 80 are still to come, 20 of them open.
    assert (found.forecast.total, found.forecast.best) == (90, 88)
    assert (found.forecast.likely, found.forecast.cautious) == (8 + 72, 8 + 68)
    assert found.forecast_judgement is Judgement.MISSED


@law
@given(_standings(), _objectives)
def test_the_forecasts_are_in_order_and_within_what_is_possible(state: PeriodState, agreed: Objective) -> None:
    forecast = budget(state, agreed).forecast

    assert state.attained.good <= forecast.cautious <= forecast.likely <= forecast.best
    assert forecast.best <= forecast.total - state.attained.missed


@law
@given(_standings().filter(lambda state: state.attained.good > 0), _objectives)
def test_the_budget_falls_by_one_with_each_miss(state: PeriodState, agreed: Objective) -> None:
    held = state.attained
    one_more = PeriodState(Attained(held.good - 1, held.total), state.open, state.at_risk, state.earlier, state.ended)

    assert budget(one_more, agreed).remaining == budget(state, agreed).remaining - 1


@law
@given(_standings(), _objectives, st.integers(0, 1200))
def test_r49_what_is_lost_for_certain_is_missed_at_every_plausible_volume(
    state: PeriodState, agreed: Objective, more: int
) -> None:
    found = budget(state, agreed)
    busiest = max((each.total for each in state.earlier), default=0)
    plausible = found.expected if state.ended else max(found.expected, PLAUSIBLE_TIMES * busiest)
    total = min(state.attained.total + more, plausible)

    if found.exhausted_for_certain:
        assert judge(Attained(total - state.attained.missed, total), agreed) is Judgement.MISSED


# Google, The Site Reliability Workbook, chapter 5, table 5-8; its one-day row as Sloth generates it (google-30d.yaml).
# Meant for thousands of requests an hour at 99.9%: councils' work needs other windows.
SRE_FACTORS_TENTHS = (144, 60, 30, 10)


def test_r50_14_4_times_the_allowed_rate_can_never_fire_at_92_percent() -> None:
    fastest, everything_missed = SRE_FACTORS_TENTHS[0], Ratio(0, 1000)

    assert not can_fire(fastest, objective(percent="92"))
    assert not fires(WorkingWindow(1, fastest), everything_missed, objective(percent="92"))


@pytest.mark.parametrize(
    ("percent", "possible"),
    [
        ("99.9", [True, True, True, True]),
        ("95", [True, True, True, True]),  # 72%, 30%, 15% and 5% must miss
        ("92", [False, True, True, True]),
        ("90", [False, True, True, True]),  # 144%
        ("80", [False, False, True, True]),
    ],
)
def test_r50_a_factor_can_fire_only_if_no_more_than_everything_must_miss(percent: str, possible: list[bool]) -> None:
    assert [can_fire(factor, objective(percent=percent)) for factor in SRE_FACTORS_TENTHS] == possible


def test_every_working_day_window_can_fire_at_the_objectives_that_councils_agree() -> None:
    for percent in ("85", "90", "92", "95", "99"):
        assert all(can_fire(window.factor_tenths, objective(percent=percent)) for window in WORKING_WINDOWS)


@pytest.mark.parametrize(
    ("missed", "total", "fired"),
    [
        (2, 2, False),  # two are bad luck
        (3, 10, True),  # 6 times 5% is 30%
        (3, 11, False),
        (6, 20, True),
        (5, 20, False),
    ],
)
def test_r50_a_window_fires_from_three_misses_on_and_at_its_share(missed: int, total: int, fired: bool) -> None:
    assert fires(WORKING_WINDOWS[0], Ratio(total - missed, total), objective(percent="95")) is fired


@pytest.mark.parametrize(
    ("now", "working_days", "start"),
    [
        ("Wed 2026-03-11 10:00", 1, "Tue 2026-03-10 10:00"),
        ("Mon 2026-03-09 10:00", 1, "Fri 2026-03-06 10:00"),
        ("Sun 2026-03-08 10:00", 1, "Thu 2026-03-05 10:00"),
        ("Wed 2026-03-11 10:00", 3, "Fri 2026-03-06 10:00"),
        ("Wed 2026-03-11 10:00", 5, "Wed 2026-03-04 10:00"),
        ("Wed 2026-03-11 10:00", 10, "Wed 2026-02-25 10:00"),
    ],
)
def test_r50_a_window_spans_working_days_and_not_weekends(now: str, working_days: int, start: str) -> None:
    found = window_start(WorkingWindow(working_days, 10), hours=working_time(), now=epoch(now))

    assert written(found) == f"{start}:00"
