"""How many records of a shard may be quarantined before it is halted."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log.flood import MAX_QUARANTINED, WINDOW, halting_offset
from tests.support.laws import law

TEN = range(100, 110)
offsets = st.lists(st.integers(0, 3 * WINDOW), unique=True, max_size=40).map(sorted)


@pytest.mark.parametrize(
    ("before", "poison", "halted_at"),
    [
        ([], TEN, None),
        ([], [*TEN, 110], 110),  # eleven in a row
        (TEN, [110], 110),  # the same, by a worker that has just started
        (TEN, [1099], 1099),  # the 1,000th record from the first of them on
        (TEN, [1100], None),  # by then the first of them is out of sight
        (TEN, [1100, 1101, 1102], None),
        (range(0, 10_000, 100), [], None),  # 1 % and no more, for ever
        (range(0, 1000, 100), [999], 999),
        (range(110), [110], 110),  # more than were ever allowed: an older release let them in
        (range(110), [], None),  # no new one, nothing to halt for
    ],
)
def test_the_eleventh_of_any_thousand_halts_the_shard(
    before: Sequence[int], poison: Sequence[int], halted_at: int | None
) -> None:
    assert halting_offset(before, poison) == halted_at


def naive(poison: Sequence[int]) -> int | None:
    """The first record with over ten of them among the thousand that end with it, each counted again."""
    return next((at for at in poison if sum(at - WINDOW < other <= at for other in poison) > MAX_QUARANTINED), None)


@law
@given(offsets, st.integers(0, 40))
def test_it_makes_no_difference_into_which_batches_the_records_fell(poison: list[int], cut: int) -> None:
    earlier, later = poison[:cut], poison[cut:]
    halted = halting_offset([], earlier)

    assert (halting_offset(earlier, later) if halted is None else halted) == naive(poison)
