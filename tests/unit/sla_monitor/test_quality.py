"""Promised quality: a smaller share of missed promises than in the baseline."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.objectives import Ratio, percent_parts
from sla_monitor.domain.attainment import Realised, improvement, realised
from tests.support.laws import law

BASELINE = Ratio(80, 100)
_shares = st.integers(1, 400).flatmap(lambda total: st.builds(Ratio, st.integers(0, total), st.just(total)))


@pytest.mark.parametrize(
    ("good", "total", "improved", "outcome"),
    [
        (908, 1000, "54.0", Realised.REALISED),  # 9.2% missed where 20% was
        (907, 1000, "53.5", Realised.FELL_SHORT),
        (1000, 1000, "100.0", Realised.REALISED),
        (800, 1000, "0.0", Realised.FELL_SHORT),
        (750, 1000, "-25.0", Realised.FELL_SHORT),
    ],
)
def test_54_percent_better_quality_is_54_percent_fewer_misses_among_as_many_items(
    good: int, total: int, improved: str, outcome: Realised
) -> None:
    attained = Ratio(good, total)
    found = improvement(attained, BASELINE)

    assert found is not None
    assert found.percent_text == improved
    assert realised(attained, BASELINE, promised_parts=percent_parts("54")) is outcome


@pytest.mark.parametrize(
    ("attained", "baseline", "outcome"),
    [
        (Ratio(0, 0), BASELINE, Realised.NO_VOLUME),
        (Ratio(9, 10), None, Realised.NO_BASELINE),
        (Ratio(9, 10), Ratio(0, 0), Realised.NO_BASELINE),
        (Ratio(9, 10), Ratio(10, 10), Realised.NO_BASELINE),  # without a miss there is nothing to improve
    ],
)
def test_without_volume_or_misses_to_improve_on_nothing_is_claimed(
    attained: Ratio, baseline: Ratio | None, outcome: Realised
) -> None:
    assert realised(attained, baseline, promised_parts=percent_parts("54")) is outcome


@law
@given(_shares, _shares.filter(lambda share: share.missed > 0), st.integers(0, 100_000))
def test_the_outcome_is_that_of_exact_fractions(attained: Ratio, baseline: Ratio, parts: int) -> None:
    missed_now, missed_before = attained.missed * baseline.total, baseline.missed * attained.total
    kept = Decimal(missed_before - missed_now) * 100_000 >= Decimal(parts) * missed_before

    assert (realised(attained, baseline, promised_parts=parts) is Realised.REALISED) is kept
