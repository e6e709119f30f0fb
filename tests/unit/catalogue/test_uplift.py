"""Index clauses: the change of an index with its limits, each new price, the next version, and what is refused."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.adapters.partnership_files import parse
from catalogue.domain import validation
from catalogue.domain.submission import Submission
from shared.contracts.charge_rules import tariff_faults
from shared.contracts.charges import Charge
from shared.contracts.definitions import PriceIndex, Tariff
from shared.contracts.uplift import (
    FigureNotPublished,
    NoUpliftClause,
    Uplift,
    index_change,
    raised_price,
    uplifted,
)
from shared.holidays import shipped_holidays
from shared.validation import InvalidValue
from tests.support.definitions import index

PAGE = (Path(__file__).parents[3] / "docs" / "tariffs.md").read_text(encoding="utf-8")
(FILE,) = re.findall(r"```yaml\n(indexes:[^`]*)```", PAGE)
AMOUNT = "pounds as a decimal string"
CLAUSE = {
    "index": "prices",
    "base": "2024-09",
    "reference": "2025-09",
    "applies_from": "2026-04-01",
    "percent_places": 1,
    "price_places": 4,
}
UNIT = {"kind": "unit", "name": "Each", "price_gbp": "0.0375"}
MIXED: list[dict[str, Any]] = [
    UNIT,
    {"kind": "standing", "name": "Desk", "monthly_gbp": "310"},
    {
        "kind": "graduated",
        "name": "Tiers",
        "tiers": [{"price_gbp": "2", "up_to": 10, "flat_gbp": "5"}, {"price_gbp": "1"}],
    },
    {"kind": "percentage", "name": "Fee", "percent": "2", "fixed_gbp": "0.2", "minimum_gbp": "0.5", "free_gbp": "100"},
    {"kind": "cost-plus", "name": "Cost", "markup_percent": "5"},
]


def tariff(*charges: dict[str, Any], terms: dict[str, Any] | None = None, **clause: Any) -> Tariff:
    value = {"id": "t", "service": "s", "name": "T", "charges": charges or (UNIT,), "terms": terms or {}}
    return msgspec.convert(value | {"effective_from": "2025-04-01", "uplift": CLAUSE | clause}, Tariff)


TEN_PERCENT = index(("2024-09", "100"), ("2025-09", "110"))


def of_file(submission: Submission) -> tuple[Tariff, PriceIndex]:
    (published, priced) = (entry.definition for entry in submission.entries)
    assert isinstance(published, PriceIndex)
    assert isinstance(priced, Tariff)
    return priced, published


def test_the_pages_example_comes_to_what_its_table_shows() -> None:
    found = uplifted(*of_file(parse(FILE.encode())))

    rows = re.findall(r"^\| `(#/\S+)` \| (\S+) \| (\S+) \| (\S+) \|$", PAGE, re.MULTILINE)
    assert [(each.at, each.before, each.exact, each.after) for each in found.prices] == rows
    assert (found.change.rounded, found.change.limit) == ("3.8", None)
    assert f"is {found.change.exact[:6]}…%" in PAGE


def test_the_next_version_begins_when_the_clause_says_and_its_own_clause_is_a_year_later() -> None:
    found = uplifted(tariff(), TEN_PERCENT)

    assert str(found.next.effective_from) == "2026-04-01"
    assert found.next.uplift is not None
    assert (found.next.uplift.base, found.next.uplift.reference) == ("2025-09", "2026-09")
    assert str(found.next.uplift.applies_from) == "2027-04-01"
    assert list(tariff_faults(found.next)) == []


def test_every_amount_that_is_paid_follows_and_nothing_else() -> None:
    limits = {"minimum": {"gbp": "100"}, "discounts": [{"kind": "fixed", "name": "Rebate", "monthly_gbp": "10"}]}

    assert changed(uplifted(tariff(*MIXED, terms=limits), TEN_PERCENT)) == {
        "#/charges/0/price_gbp": "0.0413",  # 0.04125: half up
        "#/charges/1/monthly_gbp": "341.00",
        "#/charges/2/tiers/0/price_gbp": "2.20",
        "#/charges/2/tiers/0/flat_gbp": "5.50",
        "#/charges/2/tiers/1/price_gbp": "1.10",
        "#/charges/3/fixed_gbp": "0.22",
        "#/charges/3/minimum_gbp": "0.55",
        "#/terms/minimum/gbp": "110.00",
    }


def test_named_charges_alone_follow_and_the_minimum_stays() -> None:
    found = uplifted(tariff(*MIXED, terms={"minimum": {"gbp": "100"}}, charges=["Desk"]), TEN_PERCENT)

    assert changed(found) == {"#/charges/1/monthly_gbp": "341.00"}


def changed(found: Uplift) -> dict[str, str]:
    return {each.at: each.after for each in found.prices}


def test_every_amount_of_every_kind_of_charge_has_a_name_by_which_it_follows() -> None:
    """An amount of another name would silently stay when its prices rise."""
    named = set(amounts_in(msgspec.json.schema(Charge)))

    assert {name for name in named if not name.endswith("_gbp")} == set()
    assert {"monthly_gbp", "flat_gbp", "price_gbp", "otherwise_gbp", "free_gbp"} <= named


def amounts_in(schema: object) -> Iterator[str]:
    """The names of the properties that hold pounds."""
    match schema:
        case {"properties": dict(properties), **rest}:
            for name, held in properties.items():
                yield from [name] if AMOUNT in json.dumps(held) else amounts_in(held)
            yield from amounts_in(rest)
        case dict():
            yield from (name for held in schema.values() for name in amounts_in(held))
        case list():
            yield from (name for held in schema for name in amounts_in(held))


@pytest.mark.parametrize(
    ("reference", "limits", "percent", "limit"),
    [
        ("108", {}, "8.0", None),
        ("108", {"cap": "8"}, "8.0", None),
        ("108.04", {"cap": "8"}, "8.0", None),  # rounded before it is limited
        ("108.05", {"cap": "8"}, "8", "cap"),
        ("99", {"collar": "0"}, "0", "collar"),
        ("99", {}, "-1.0", None),
        ("97", {"collar": "-2", "cap": "4"}, "-2", "collar"),
        ("101", {"collar": "2", "cap": "2"}, "2", "collar"),
    ],
)
def test_a_change_is_rounded_and_then_limited(
    reference: str, limits: dict[str, str], percent: str, limit: str | None
) -> None:
    change = index_change("100", reference, places=1, cap=limits.get("cap"), collar=limits.get("collar"))

    assert (change.percent, change.limit) == (percent, limit)


def test_a_fall_is_rounded_away_from_zero_as_a_rise_is() -> None:
    assert index_change("200", "199.9", places=1, cap=None, collar=None).rounded == "-0.1"
    assert index_change("200", "200.1", places=1, cap=None, collar=None).rounded == "0.1"


@given(
    price=st.decimals(0, 10_000, places=4),
    percent=st.decimals(-100, 100, places=2),
    places=st.integers(0, 6),
)
def test_a_new_price_is_within_half_a_step_of_exact(price: Decimal, percent: Decimal, places: int) -> None:
    raised = raised_price("#", str(price), percent, places)

    exact = Fraction(price) * (100 + Fraction(percent)) / 100
    assert abs(Fraction(raised.after) - exact) <= Fraction(1, 2 * 10**places)


def test_a_figure_that_is_not_published_is_named() -> None:
    with pytest.raises(FigureNotPublished, match="prices has no figure for 2025-09 yet"):
        uplifted(tariff(), index(("2024-09", "100")))


def test_a_tariff_without_a_clause_follows_nothing() -> None:
    with pytest.raises(NoUpliftClause):
        uplifted(msgspec.structs.replace(tariff(), uplift=None), TEN_PERCENT)


def test_a_price_beyond_what_a_tariff_may_say_is_refused() -> None:
    dear = tariff({"kind": "unit", "name": "Each", "price_gbp": "999999999"})

    with pytest.raises(InvalidValue, match="#/charges/0/price_gbp"):
        uplifted(dear, TEN_PERCENT)


@pytest.mark.parametrize(
    ("clause", "at"),
    [
        ({"reference": "2024-09"}, "#/uplift/reference"),
        ({"applies_from": "2025-04-01"}, "#/uplift/applies_from"),
        ({"applies_from": "2028-02-29"}, "#/uplift/applies_from"),
        ({"collar_percent": "5", "cap_percent": "4.9"}, "#/uplift/collar_percent"),
        ({"cap_percent": "-101"}, "#/uplift/cap_percent"),
        ({"price_places": 3}, "#/uplift/price_places"),
        ({"charges": ["Eech"]}, "#/uplift/charges/0"),
    ],
)
def test_a_clause_that_cannot_be_applied_is_refused(clause: dict[str, Any], at: str) -> None:
    assert at in [fault.pointer for fault in tariff_faults(tariff(**clause))]


@pytest.mark.parametrize(
    ("figures", "at"),
    [
        ('{period: 2025-09, value: "1"}, {period: 2025-08, value: "1"}', "#/indexes/0/figures/1/period"),
        ('{period: 2025-09, value: "1"}, {period: 2025-09, value: "1"}', "#/indexes/0/figures/1/period"),
        ('{period: 2025-09, value: "0.0"}', "#/indexes/0/figures/0/value"),
        ('{period: 2027-09, value: "1"}', "#/indexes/0/figures/0/published"),
    ],
)
def test_figures_out_of_order_of_nothing_or_from_the_future_are_refused(figures: str, at: str) -> None:
    entries = figures.replace("}", ', published: 2026-01-14, source: "table 1"}')

    faults = refused(f"indexes: [{{id: prices, name: Prices, figures: [{entries}]}}]")

    assert at in faults


def refused(text: str) -> list[str]:
    """Where the file's faults are."""
    submission = parse(text.encode())
    found = validation.faults(submission, {}, shipped_holidays(), datetime(2026, 4, 1, 9, tzinfo=UTC))
    return [fault.pointer for fault in found]


def test_a_clause_names_a_known_index() -> None:
    assert "#/tariffs/0/uplift/index" in refused(FILE.replace("index: example-prices", "index: exampel-prices"))
