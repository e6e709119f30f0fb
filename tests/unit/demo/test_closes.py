"""Which months the demo closes: twelve whole ones, each only once its time has come."""

from datetime import date

import pytest

from tallystick.demo.closes import months_to_close


@pytest.mark.parametrize(
    ("today", "first", "last"),
    [
        ("Mon 2026-11-30", "2025-11", "2026-10"),
        ("Wed 2026-12-09", "2025-12", "2026-11"),
        ("Tue 2026-12-08", "2025-11", "2026-10"),  # it is closed on the eighth: November's is still a draft
        ("Fri 2027-01-01", "2025-12", "2026-11"),
    ],
)
def test_twelve_months_are_closed_up_to_the_last_whose_close_has_passed(today: str, first: str, last: str) -> None:
    months = months_to_close(date.fromisoformat(today.split()[1]))

    assert (len(months), str(months[0]), str(months[-1])) == (12, first, last)
