"""Which tariff version prices which days of a month."""

import pytest
from msgspec.structs import replace

from shared.contracts.definitions import Council
from shared.period import Month
from shared.scope import Scope
from tests.support.recharges import ASHBY, agreement, tariff, terms, unit

MAY = Month(2026, 5)
PRICE = tariff(unit("1.00"), id="price")


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2020-01-01", None, [("2026-05-01", "2026-06-01")]),
        ("2026-05-15", None, [("2026-05-15", "2026-06-01")]),
        ("2020-01-01", "2026-05-15", [("2026-05-01", "2026-05-15")]),
        ("2026-05-31", None, [("2026-05-31", "2026-06-01")]),
        ("2026-06-01", None, []),
        ("2020-01-01", "2026-05-01", []),
        ("2026-05-07", "2026-05-08", [("2026-05-07", "2026-05-08")]),
    ],
)
def test_an_agreement_prices_from_its_first_day_to_the_day_before_its_end(
    since: str, until: str | None, expected: list[tuple[str, str]]
) -> None:
    known = terms(agreement("price", since=since, until=until), tariffs=[PRICE])

    assert [
        (found.first_day.isoformat(), found.end_day.isoformat()) for found in known.tariff_periods(ASHBY.id, MAY)
    ] == expected


def test_each_version_of_a_tariff_prices_from_its_own_day() -> None:
    dearer = tariff(unit("2.00"), id="price", since="2026-05-08")
    known = terms(agreement("price"), tariffs=[PRICE, dearer])

    assert [(found.tariff.number, found.days) for found in known.tariff_periods(ASHBY.id, MAY)] == [(1, 7), (2, 24)]


def test_a_new_version_of_the_agreement_with_the_same_tariff_splits_nothing() -> None:
    known = terms(agreement("price"), agreement("price", since="2026-05-08"), tariffs=[PRICE])

    assert [found.days for found in known.tariff_periods(ASHBY.id, MAY)] == [31]
    assert [version.number for version in known.agreements_in(ASHBY.id, MAY)] == [2]


def test_a_later_version_from_the_same_day_replaces_the_earlier_one() -> None:
    known = terms(agreement("price"), tariffs=[PRICE, tariff(unit("3.00"), id="price")])

    assert [found.tariff.number for found in known.tariff_periods(ASHBY.id, MAY)] == [2]


def test_a_tariff_that_the_catalogue_does_not_know_yet_prices_nothing() -> None:
    assert terms(agreement("price"), tariffs=[]).tariff_periods(ASHBY.id, MAY) == []


def test_another_councils_agreement_prices_nothing_here() -> None:
    assert terms(agreement("price", council="bexhill"), tariffs=[PRICE]).tariff_periods(ASHBY.id, MAY) == []


def test_the_scope_of_one_council_does_not_revive_an_agreement_that_another_took_over() -> None:
    taken_over = replace(agreement(PRICE.id, since="2026-05-11", council="bexhill"), id="ashby-agreement")
    known = terms(agreement(PRICE.id), taken_over, tariffs=[PRICE], councils=[ASHBY, Council(id="bexhill", name="B")])

    for council in (ASHBY.id, "bexhill"):
        assert known.visible(Scope.of(council)).tariff_periods(council, MAY) == known.tariff_periods(council, MAY)
    assert known.visible(Scope.of("bexhill")).councils.ids() == ["bexhill"]
    assert [period.end_day.day for period in known.tariff_periods(ASHBY.id, MAY)] == [11]
