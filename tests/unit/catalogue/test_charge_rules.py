"""A malformed tariff is refused with every fault, and what is lawful but surprising is warned of."""

import pytest

from shared.contracts.charge_rules import tariff_faults, tariff_warnings
from shared.contracts.charges import (
    Charge,
    ChargeLimit,
    ChargeTerms,
    GraduatedCharge,
    MatrixCharge,
    MatrixPrice,
    PercentageCharge,
    PercentageDiscount,
    StandingCharge,
    Tier,
    UnitCharge,
    VolumeCharge,
    Waiver,
)
from shared.contracts.definitions import Tariff

EACH = UnitCharge(name="Each", price_gbp="1")
URGENT = MatrixPrice(when={"priority": ("urgent",)}, price_gbp="2")


def faults(*charges: Charge, **terms: object) -> list[str]:
    found = tariff_faults(
        Tariff(id="t", service="s", name="T", charges=charges, terms=ChargeTerms(**terms))  # type: ignore[arg-type]  # each test gives terms of their types
    )
    return [fault.pointer for fault in found]


@pytest.mark.parametrize(
    ("charge", "pointers"),
    [
        (PercentageCharge(name="Fee", percent="100.1"), ["#/charges/0/percent"]),
        (PercentageCharge(name="Fee", percent="1", minimum_gbp="2", maximum_gbp="1.99"), ["#/charges/0/minimum_gbp"]),
        (PercentageCharge(name="Fee", percent="100", minimum_gbp="2", maximum_gbp="2"), []),
        (
            GraduatedCharge(name="Tiers", tiers=(Tier(price_gbp="1"),), zero_usage_flat=True),
            ["#/charges/0/zero_usage_flat"],
        ),
        (
            MatrixCharge(
                name="M",
                prices=(URGENT, MatrixPrice(when={"priority": ("urgent",), "site": ("depot",)}, price_gbp="3")),
                otherwise_gbp="1",
            ),
            ["#/charges/0/prices/1"],  # the row before it accepts every urgent unit
        ),
        (
            MatrixCharge(name="M", prices=(MatrixPrice(when={"site": ()}, price_gbp="3"),), otherwise_gbp="1"),
            ["#/charges/0/prices/0/when/site"],
        ),
        (
            MatrixCharge(name="M", prices=(MatrixPrice(when={"site": ("a", "a")}, price_gbp="3"),), otherwise_gbp="1"),
            ["#/charges/0/prices/0/when/site/1"],
        ),
    ],
)
def test_a_charge_that_cannot_mean_what_it_says_is_refused(charge: Charge, pointers: list[str]) -> None:
    assert faults(charge) == pointers


def test_every_fault_of_a_tariff_is_found_at_once() -> None:
    broken = VolumeCharge(name="Each", tiers=(Tier(up_to=5, price_gbp="1"), Tier(up_to=5, price_gbp="1")))

    found = faults(
        EACH,
        broken,
        discounts=(PercentageDiscount(name="D", percent="60"), PercentageDiscount(name="D", percent="41")),
        waivers=(Waiver(name="W", when={"cause": ()}),),
        maximum=ChargeLimit(gbp="10"),
        minimum=ChargeLimit(gbp="10.01"),
    )

    assert found == [
        "#/charges/1/name",
        "#/charges/1/tiers/1/up_to",
        "#/terms/waivers/0/when/cause",
        "#/terms/discounts/1/name",
        "#/terms/discounts",
        "#/terms/minimum/gbp",
    ]


def test_a_months_minimum_may_pass_a_years_maximum_in_the_figures_alone() -> None:
    assert faults(EACH, maximum=ChargeLimit(gbp="10"), minimum=ChargeLimit(gbp="100", over="financial-year")) == []


@pytest.mark.parametrize(
    ("charge", "pointers"),
    [
        (EACH, []),
        (StandingCharge(name="Fixed", monthly_gbp="1"), ["#/terms/free_units"]),
        (MatrixCharge(name="M", prices=(URGENT,), otherwise_gbp="1"), ["#/terms/free_units"]),
    ],
)
def test_free_units_need_a_charge_that_counts_units_in_turn(charge: Charge, pointers: list[str]) -> None:
    assert faults(charge, free_units=10) == pointers


def test_a_cliff_of_volume_tiers_is_warned_of_with_both_amounts() -> None:
    falls = VolumeCharge(name="V", tiers=(Tier(up_to=15, price_gbp="10"), Tier(price_gbp="5")))
    rises = VolumeCharge(name="R", tiers=(Tier(up_to=1, price_gbp="1"), Tier(price_gbp="0.50", flat_gbp="0.01")))
    graduated = GraduatedCharge(name="G", tiers=(Tier(up_to=15, price_gbp="10"), Tier(price_gbp="5")))

    (warning,) = tariff_warnings(Tariff(id="t", service="s", name="T", charges=(rises, falls, graduated)))

    assert warning.pointer == "#/charges/1/tiers/0/up_to"
    assert warning.message.startswith("15 units cost £150.00 and 16 cost £80.00: a unit more costs less")
