"""Objectives of a period, rule by rule: by count and by value, low volume, samples, composites and percentiles."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.definitions import Objective
from shared.contracts.objectives import Attained, Judgement, Ratio, good_needed, judge
from sla_monitor.domain.attainment import combined, low_volume, misses_allowed, misses_remaining, percentile_rank
from tests.support.definitions import objective
from tests.support.laws import law

_percents = st.integers(0, 100_000).map(lambda parts: f"{Decimal(parts) / 1000:f}")
_objectives = st.builds(objective, percent=_percents, misses_always_allowed=st.sampled_from((0, 1, 3)))
_attained = st.integers(0, 500).flatmap(lambda total: st.builds(Attained, st.integers(0, total), st.just(total)))


@pytest.mark.parametrize(
    ("good", "total", "percent", "judgement"),
    [
        (95, 100, "95", Judgement.MET),
        (94, 100, "95", Judgement.MISSED),
        (19, 20, "95", Judgement.MET),
        (18, 19, "95", Judgement.MISSED),
        (99_951, 100_000, "99.96", Judgement.MISSED),  # 99.951% shown with one decimal is 99.9%, never 100%
        (999, 1000, "99.9", Judgement.MET),
        (0, 0, "95", Judgement.NO_VOLUME),
        (0, 3, "0", Judgement.MET),
        (3, 3, "100", Judgement.MET),
    ],
)
def test_r42_the_objective_is_met_iff_good_times_100_reaches_percent_times_total(
    good: int, total: int, percent: str, judgement: Judgement
) -> None:
    assert judge(Attained(good, total), objective(percent=percent)) is judgement


@law
@given(_attained, _percents)
def test_r42_the_judgement_is_that_of_exact_fractions(attained: Attained, percent: str) -> None:
    kept = Decimal(attained.good) * 100 >= Decimal(percent) * attained.total

    expected = Judgement.NO_VOLUME if attained.total == 0 else Judgement.MET if kept else Judgement.MISSED

    assert judge(attained, objective(percent=percent)) is expected


@pytest.mark.parametrize(
    ("good", "total", "share"),
    [(0, 0, ""), (1, 3, "33.3"), (2, 3, "66.6"), (9996, 10_000, "99.9"), (5, 5, "100.0")],
)
def test_a_percentage_is_cut_and_never_rounded_up(good: int, total: int, share: str) -> None:
    assert Ratio(good, total).percent_text == share


@pytest.mark.parametrize(
    ("total", "warns"),
    [(0, False), (1, True), (19, True), (20, False), (100, False)],
)
def test_r43_below_one_over_the_allowed_share_a_single_miss_would_fail_the_month(total: int, warns: bool) -> None:
    assert low_volume(total, objective(percent="95")) is warns


@pytest.mark.parametrize(
    ("missed", "floor", "judgement"),
    [(1, 0, Judgement.MISSED), (1, 1, Judgement.MET), (2, 1, Judgement.MISSED), (2, 2, Judgement.MET)],
)
def test_r43_the_floor_lets_so_many_items_miss_whatever_the_volume(
    missed: int, floor: int, judgement: Judgement
) -> None:
    few = Attained(8 - missed, 8)

    assert judge(few, objective(percent="95", misses_always_allowed=floor)) is judgement
    assert low_volume(8, objective(percent="95", misses_always_allowed=floor)) is (floor == 0)


@pytest.mark.parametrize(("total", "judgement"), [(9, Judgement.TOO_FEW), (10, Judgement.MISSED)])
def test_below_the_minimum_sample_a_period_is_neither_met_nor_missed(total: int, judgement: Judgement) -> None:
    assert judge(Attained(0, total), objective(minimum_sample=10)) is judgement


@pytest.mark.parametrize(
    ("good", "good_pence", "weighted_by", "judgement"),
    [
        (95, 100_000, "count", Judgement.MET),
        (95, 100_000, "value", Judgement.MISSED),  # the five that missed were worth nine tenths
        (50, 950_000, "count", Judgement.MISSED),
        (50, 950_000, "value", Judgement.MET),
    ],
)
def test_r44_an_objective_weighs_by_count_or_by_value_as_it_says(
    good: int, good_pence: int, weighted_by: str, judgement: Judgement
) -> None:
    attained = Attained(good, 100, good_pence, 1_000_000)

    assert judge(attained, objective(weighted_by=weighted_by)) is judgement


def test_r44_by_value_items_worth_nothing_are_no_volume() -> None:
    assert judge(Attained(3, 4), objective(weighted_by="value")) is Judgement.NO_VOLUME


def test_r43_by_value_one_large_miss_within_the_floor_of_items_does_not_fail_the_period() -> None:
    one_large_miss = Attained(9, 10, 100, 1_000_000)
    by_value = objective(weighted_by="value", misses_always_allowed=1)

    assert judge(one_large_miss, by_value) is Judgement.MET
    assert misses_remaining(one_large_miss, by_value) == 0


def test_r44_a_composite_is_a_sum_and_no_average_of_percentages() -> None:
    whole = combined([Attained(1, 1, 10, 10), Attained(0, 9, 0, 90)])

    assert whole == Attained(1, 10, 10, 100)
    assert whole.by_count.percent_text == "10.0"  # and not the 50.0 between 100% and 0%


@law
@given(_attained.filter(lambda attained: attained.good > 0), _objectives)
def test_misses_remaining_falls_by_one_with_each_miss(attained: Attained, agreed: Objective) -> None:
    one_more = Attained(attained.good - 1, attained.total)

    assert misses_remaining(one_more, agreed) == misses_remaining(attained, agreed) - 1


@law
@given(st.integers(0, 5000), _objectives)
def test_what_may_miss_and_what_must_be_good_are_the_whole_where_no_floor_holds(total: int, agreed: Objective) -> None:
    assert misses_allowed(total, agreed) == max(total - good_needed(total, agreed), agreed.misses_always_allowed)


TEN_DAYS_S = 10 * 8 * 3600


@pytest.mark.parametrize(
    ("late", "early", "expected"),
    [
        (0, 1, TEN_DAYS_S),
        (1, 19, TEN_DAYS_S),  # rank 19 of 20
        (1, 18, TEN_DAYS_S + 1),  # rank 19 of 19
        (5, 95, TEN_DAYS_S),
        (6, 94, TEN_DAYS_S + 1),
    ],
)
def test_r45_the_95th_percentile_is_the_nearest_rank_over_all_items(late: int, early: int, expected: int) -> None:
    in_order = [TEN_DAYS_S] * early + [TEN_DAYS_S + 1] * late

    assert in_order[percentile_rank(len(in_order), objective(percent="95")) - 1] == expected


def test_r45_the_rank_is_never_below_the_first_item() -> None:
    assert percentile_rank(0, objective(percent="95")) == percentile_rank(3, objective(percent="0")) == 1


@law
@given(st.lists(st.integers(0, 20), min_size=1, max_size=60), st.integers(0, 20), _percents)
def test_r45_a_percentile_within_the_threshold_is_the_objective_met(
    elapsed: list[int], threshold_s: int, percent: str
) -> None:
    agreed = objective(percent=percent)
    good = sum(each <= threshold_s for each in elapsed)
    found = sorted(elapsed)[percentile_rank(len(elapsed), agreed) - 1]

    within = found <= threshold_s
    met = judge(Attained(good, len(elapsed)), agreed) is Judgement.MET

    assert within is met or good_needed(len(elapsed), agreed) == 0  # "0% within" asks nothing of the fastest item
