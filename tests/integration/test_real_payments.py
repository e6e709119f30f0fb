"""The payments of eleven councils in 2018/19: 132 statements, each to the penny as recomputed from the file alone."""

from collections import Counter
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal

import pytest

from billing.domain.statement import Statement
from tests.support.figures import print_figure
from tests.support.real_data import NEEDS_REAL_DATA, PAYMENTS, rows, shown, steady
from tests.support.replay_command import ReplayCommand, ReplayRun, run_apart
from tests.support.state_folder import shards_read, statements, unread

pytestmark = [*NEEDS_REAL_DATA, pytest.mark.long]

MONTHS = [f"2018-{month:02}" for month in range(4, 13)] + [f"2019-{month:02}" for month in range(1, 4)]
LINES = 933_986
# The tariff of the mapping, written down a second time: units in each tier, pounds for each unit.
TIERS = ((1_000, Decimal("0.95")), (9_000, Decimal("0.60")), (None, Decimal("0.375")))


@pytest.fixture(scope="module")
def replayed() -> Iterator[ReplayRun]:
    """The payment lines, replayed."""
    with run_apart(ReplayCommand(PAYMENTS, "uk-council-payments", "2019-05-01T00:00:00+01:00")) as ran:
        yield ran


@pytest.fixture(scope="module")
def year(replayed: ReplayRun) -> list[Statement]:
    """Every statement of the financial year."""
    return statements(replayed.folder, MONTHS)


@pytest.fixture(scope="module")
def lines() -> Counter[tuple[str, str]]:
    """The payment lines of each council and month, counted in the file."""
    return Counter((row["council"], row["payment_date"][:7]) for row in rows(PAYMENTS))


def recharge_pence(units: int) -> int:
    """The tariff applied to a month's units, rounded half up at the end."""
    pounds, left = Decimal(0), units
    for width, price in TIERS:
        inside = left if width is None else min(left, width)
        pounds, left = pounds + inside * price, left - inside
    return int((100 * pounds).quantize(Decimal(1), ROUND_HALF_UP))


def test_eleven_councils_have_twelve_statements_each(year: list[Statement]) -> None:
    named = [(statement.council.id, str(statement.month)) for statement in year]

    assert len(named) == len(set(named)) == 132
    assert Counter(month for _, month in named) == dict.fromkeys(MONTHS, 11)


def test_every_payment_line_is_counted_once(year: list[Statement], lines: Counter[tuple[str, str]]) -> None:
    counted = {(s.council.id, str(s.month)): s.evidence.counted for s in year}

    assert counted == lines
    assert sum(counted.values()) == LINES
    assert not [s for s in year if s.evidence.unbilled or s.evidence.reversed]


def test_every_statement_and_their_sum_equal_the_file_to_the_penny(
    year: list[Statement], lines: Counter[tuple[str, str]]
) -> None:
    recomputed = {owner: recharge_pence(units) for owner, units in lines.items()}

    assert {(s.council.id, str(s.month)): s.total_pence for s in year} == recomputed
    every_line = [line.amount_pence for s in year for charges in s.services for line in charges.lines]
    print_figure(f"{len(every_line)} lines, £{Decimal(sum(every_line)) / 100:,}")
    assert sum(every_line) == sum(recomputed.values())


def test_every_offset_is_accounted_for_and_the_docs_page_shows_what_was_printed(replayed: ReplayRun) -> None:
    assert not [read for read in shards_read(replayed.folder) if read.unaccounted]
    assert set(unread(replayed.folder).values()) == {0}
    assert steady(replayed.output) == shown("uk-council-payments")
