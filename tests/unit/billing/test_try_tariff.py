"""Documents that try a tariff: what is answered, and what is refused."""

import json
from typing import Any

import msgspec
import pytest

from billing.trial.tariff import RefusedDocument, TriedTariff, try_tariff, try_tariffs
from shared.documents import InvalidDocument


def tried(**document: Any) -> dict[str, Any]:
    found = try_tariff(json.dumps(document).encode(), written_in="json")
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(found))
    return answer


def asked(**question: Any) -> dict[str, Any]:
    (answer,) = tried(questions=[question])["answers"]
    return dict(answer["answer"])


def refused(**document: Any) -> dict[str, str]:
    with pytest.raises(InvalidDocument) as found:
        try_tariff(json.dumps(document).encode(), written_in="json")
    return {located.fault.pointer: located.fault.message for located in found.value.faults}


def each(price: str = "1") -> dict[str, Any]:
    return {"charges": [{"kind": "unit", "name": "Each", "price_gbp": price}]}


MAY = {"tariff": each(), "month": "2026-05"}
IMPOSSIBLE = {"id": "a", "objective": {"percent": "95"}, "good": 2, "total": 1}
COUNT_OF = {"event": "tallystick.usage.recorded.v1", "aggregate": "count", "of": "site"}
UNIQUE = {"event": "tallystick.usage.recorded.v1", "aggregate": "unique", "of": "item"}
ZERO = {"treatment": "zero"}
UPLIFT = {
    "figures": {"2024-09": "100", "2025-09": "0.0"},
    "base": "2024-09",
    "reference": "2025-09",
    "percent_places": 1,
    "price_places": 2,
    "prices_gbp": {"Each": "1"},
}
BACKWARDS = {"gbp": "1", "starts": "2026-05-02", "ends": "2026-05-01"}
TAXED_EXEMPT = {"net_gbp": "1", "treatment": "exempt", "rate_percent": "5"}


# --- questions


@pytest.mark.parametrize(
    ("weights", "shares"),
    [
        ({"a": "46.76", "b": "54.24"}, {"a": "46.30", "b": "53.70"}),
        ({"b": "1", "a": "1", "c": "1"}, {"b": "33.33", "a": "33.34", "c": "33.33"}),  # ties by name
        ({"a": "0", "b": "0.000000000001"}, {"a": "0.00", "b": "100.00"}),
    ],
)
def test_shares_sum_to_the_total(weights: dict[str, str], shares: dict[str, str]) -> None:
    answer = asked(split={"total_gbp": "100", "weights": weights})

    assert {row["name"]: row["gbp"] for row in answer["shares"]} == shares


def test_a_negative_total_is_split_as_its_absolute_value() -> None:
    answer = asked(split={"total_gbp": "-0.05", "weights": {"a": "1", "b": "1"}})

    assert [row["pence"] for row in answer["shares"]] == [-3, -2]


@pytest.mark.parametrize(
    ("question", "days", "of_days", "gbp"),
    [
        ({"gbp": "310", "starts": "2026-05-15", "ends": "2026-06-01"}, 17, 31, "170.00"),
        ({"gbp": "100", "starts": "2026-05-31", "ends": "2026-06-01"}, 1, 31, "3.23"),
        (
            {
                "gbp": "365",
                "starts": "2026-04-01",
                "ends": "2026-04-15",
                "of_starts": "2026-04-01",
                "of_ends": "2027-04-01",
            },
            14,
            365,
            "14.00",
        ),
        ({"gbp": "5", "starts": "2026-05-15", "ends": "2026-05-15"}, 0, 31, "0.00"),
    ],
)
def test_an_amount_is_prorated_by_dates(question: dict[str, str], days: int, of_days: int, gbp: str) -> None:
    answer = asked(prorate=question)

    assert (answer["days"], answer["of_days"], answer["gbp"]) == (days, of_days, gbp)


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "days", "hours"),
    [
        ("2026-03-01", "2026-04-01", "Europe/London", 31, 743),  # the clocks go forward on Sunday 29 March
        ("2026-10-01", "2026-11-01", "Europe/London", 31, 745),
        ("2026-03-31T23:30:00Z", "2026-04-30T22:30:00Z", "Europe/London", 29, 719),  # 1 April 00:30 to 30 April 23:30
        ("2026-03-31T23:30:00Z", "2026-04-30T22:30:00Z", "UTC", 30, 719),
    ],
)
def test_days_are_dates_in_a_zone(starts: str, ends: str, zone: str, days: int, hours: int) -> None:
    answer = asked(days_between={"starts": starts, "ends": ends, "zone": zone})

    assert (answer["days"], answer["seconds"]) == (days, hours * 3600)


def test_vat_is_of_the_sum_of_a_category_and_what_is_outside_its_scope_shares_no_invoice() -> None:
    seven = [{"net_gbp": "0.13", "rate_percent": "20"}] * 7

    answer = asked(vat=[*seven, {"net_gbp": "5", "treatment": "outside-scope"}])

    assert (answer["vat"]["pence"], answer["gross"]["pence"], answer["invoices_needed"]) == (18, 609, 2)
    assert asked(vat=seven)["invoices_needed"] == 1


@pytest.mark.parametrize(
    ("limits", "applied", "taken"),
    [
        ({}, 5_000, []),
        ({"credited_before_gbp": "70"}, 3_000, ["charge"]),
        ({"cap": {"kind": "percent", "percent": "10"}}, 1_000, ["cap"]),
        (
            {"cap": {"kind": "fixed", "gbp": "45"}, "year_cap_gbp": "100", "credited_in_year_gbp": "80"},
            2_000,
            ["cap", "year"],
        ),
        ({"credited_before_gbp": "120"}, 0, ["charge"]),
    ],
)
def test_credits_are_limited_by_the_charge_the_cap_and_the_year(
    limits: dict[str, Any], applied: int, taken: list[str]
) -> None:
    answer = asked(credit_cap={"credits_gbp": {"a": "30", "b": "20"}, "charge_gbp": "100", **limits})

    assert answer["applied"]["pence"] == applied
    assert [reduction["limit"] for reduction in answer["reductions"]] == taken
    assert answer["applied"]["pence"] + answer["forgone"]["pence"] == 5_000


@pytest.mark.parametrize(
    ("question", "quantity"),
    [
        ({"quantity": "1500", "divide_by": "1024"}, "1.46484375"),
        ({"quantity": "1500", "divide_by": "1024", "rounding": "up"}, "2"),
        ({"quantity": "1500", "divide_by": "1024", "rounding": "down"}, "1"),
        ({"quantity": "0.125", "rounding": "half-up", "places": 2}, "0.13"),
        ({"quantity": "90", "divide_by": "60", "rounding": "half-up"}, "2"),
        ({"quantity": "2", "rounding": "up"}, "2"),
        ({"quantity": "-1.2", "rounding": "up"}, "-2"),
        ({"quantity": "-1.2", "rounding": "down"}, "-1"),
    ],
)
def test_a_quantity_is_converted_and_then_rounded(question: dict[str, Any], quantity: str) -> None:
    assert asked(convert=question)["quantity"] == quantity


READINGS = [
    {"at": "2026-05-01 00:00", "quantity": "10", "attributes": {"site": "depot"}},
    {"at": "2026-05-16 12:00", "quantity": "4.5", "attributes": {"site": "library"}},
    {"at": "2026-05-16 12:00", "quantity": "6", "attributes": {"site": "depot"}},
    {"at": "2026-06-01 00:00", "quantity": "99", "attributes": {"site": "depot"}},
]


@pytest.mark.parametrize(
    ("meter", "exact", "quantity"),
    [
        ({"aggregate": "sum"}, "20.5", "20.5"),
        ({"aggregate": "count"}, "3", "3"),
        ({"aggregate": "max"}, "10", "10"),
        ({"aggregate": "latest"}, "6", "6"),
        ({"aggregate": "unique", "of": "site"}, "2", "2"),
        ({"aggregate": "sum", "when": {"site": ["depot"]}}, "16", "16"),
        ({"aggregate": "sum", "divide_by": "10", "rounding": "up"}, "2.05", "3"),
    ],
)
def test_readings_are_aggregated_by_a_meter(meter: dict[str, Any], exact: str, quantity: str) -> None:
    written = {"event": "tallystick.usage.recorded.v1", **meter}

    answer = asked(aggregate={"meter": written, "month": "2026-05", "readings": READINGS})

    assert (round(float(answer["exact"]), 9), answer["quantity"]) == (float(exact), quantity)
    assert answer["left_out"] == 4 - answer["counted"]


def test_a_level_is_averaged_over_the_seconds_that_it_holds() -> None:
    meter = {"event": "tallystick.usage.recorded.v1", "aggregate": "time-weighted-average"}
    readings = [{"at": "2026-05-01 00:00", "quantity": "31"}, {"at": "2026-05-16 12:00", "quantity": "0"}]

    assert asked(aggregate={"meter": meter, "month": "2026-05", "readings": readings})["quantity"] == "15.5"


@pytest.mark.parametrize(
    ("gbp", "places", "rounded"),
    [("2.675", 2, "2.68"), ("-2.675", 2, "-2.68"), ("0.125", 2, "0.13"), ("1.0049999", 2, "1.00"), ("2.5", 0, "3")],
)
def test_an_amount_is_rounded_half_up_away_from_zero(gbp: str, places: int, rounded: str) -> None:
    assert asked(round={"gbp": gbp, "places": places})["gbp"] == rounded


def test_what_is_to_be_booked_makes_the_bookings_sum_to_what_holds_now() -> None:
    answer = asked(
        difference={
            "now": [{"line": "a", "gbp": "3.34"}, {"line": "new", "gbp": "1"}],
            "booked": [{"line": "a", "gbp": "3.33"}, {"line": "gone", "gbp": "2"}, {"line": "a", "gbp": "0.10"}],
        }
    )

    assert {row["line"]: row["difference"]["pence"] for row in answer["lines"]} == {"a": -9, "new": 100, "gone": -200}
    assert answer["difference"]["pence"] == -109


# --- slices, years and VAT


def test_slices_add_up_to_what_all_usage_comes_to_at_once() -> None:
    tiers = [{"up_to": 15, "price_gbp": "10"}, {"price_gbp": "5"}]
    priced = {"charges": [{"kind": "volume", "name": "V", "tiers": tiers}]}
    parts = ["15", "1", "-2"]

    answer = tried(month="2026-05", tariff=priced, slices=[{"usage": {"quantity": part}} for part in parts])
    at_once = tried(month="2026-05", tariff=priced, usage={"quantity": "14"})

    assert [part["difference_pence"] for part in answer["slices"]] == [15_000, -7_000, 6_000]
    assert answer["charges_pence"] == at_once["charges_pence"] == 14_000


def test_what_was_rated_before_the_first_slice_is_not_charged_again() -> None:
    answer = tried(
        month="2026-05", tariff=each("0.001"), before={"quantity": "333"}, slices=[{"usage": {"quantity": "333"}}]
    )

    assert answer["slices"][0]["difference_pence"] == 34
    assert answer["slices"][0]["lines"][0]["before_pence"] == 33


SUM = {"event": "tallystick.usage.recorded.v1", "aggregate": "sum"}


@pytest.mark.parametrize(
    ("meter", "quantities"),
    [
        (None, ["1500", "600.5"]),
        (SUM | {"divide_by": "1000"}, ["1.5", "0.6005"]),
        (SUM | {"divide_by": "1000", "rounding": "up"}, ["2", "1"]),  # 2.1005 in all are 3
        (SUM | {"divide_by": "1000", "rounding": "down"}, ["1", "1"]),
        (SUM | {"aggregate": "count"}, ["1", "2"]),
        (SUM | {"aggregate": "unique", "of": "item"}, ["1", "1"]),  # item a comes again
        (SUM | {"when": {"site": ["depot"]}}, ["0", "600"]),
        (SUM | {"aggregate": "max", "multiply_by": "31"}, ["21000", "25500"]),  # 1500 × 31, by days: 14 and 17
    ],
)
def test_a_meter_makes_the_units_of_each_version_before_they_are_priced(
    meter: dict[str, Any] | None, quantities: list[str]
) -> None:
    events = [
        {"at": "2026-05-03 09:00", "quantity": "1500", "item": "a"},
        {"at": "2026-05-20 09:00", "quantity": "0.5", "item": "a"},
        {"at": "2026-05-21 09:00", "quantity": "600", "item": "b", "attributes": {"site": "depot"}},
    ]
    versions = [each(), each() | {"effective_from": "2026-05-15"}]
    counted_by = {} if meter is None else {"counted_by": meter}

    lines = tried(month="2026-05", tariffs=versions, usage={"events": events}, **counted_by)["lines"]

    assert [line["quantity"] for line in lines] == quantities


def test_a_level_of_before_the_month_is_averaged_and_priced_by_nothing_else() -> None:
    averaged = SUM | {"aggregate": "time-weighted-average", "multiply_by": "31"}
    events = [{"at": "2026-04-20 00:00", "quantity": "2"}, {"at": "2026-05-31 00:00", "quantity": "33"}]

    (line,) = tried(**MAY, usage={"events": events}, counted_by=averaged)["lines"]

    assert line["quantity"] == "93"  # 2 on 30 days and 33 on one


def test_a_late_slice_is_rounded_with_all_before_it() -> None:
    slices = [{"usage": {"quantity": "1100"}}, {"usage": {"quantity": "800"}}, {"usage": {"quantity": "200"}}]

    found = tried(**MAY, slices=slices, counted_by=SUM | {"divide_by": "1000", "rounding": "up"})["slices"]

    assert [part["difference_pence"] for part in found] == [200, 0, 100]


def test_vat_is_by_category_with_discounts_and_credits_in_the_documents_own() -> None:
    taxed = {"kind": "unit", "name": "Taxed", "price_gbp": "0.13"}
    exempt = {"kind": "standing", "name": "Exempt", "monthly_gbp": "100"}
    tenth = {"kind": "percent", "name": "Exempt", "percent": "10"}

    found = tried(
        month="2026-05",
        tariff={"charges": [taxed, exempt], "terms": {"discounts": [tenth]}},
        usage={"quantity": "7"},
        vat={"rate_percent": "20"},
        vat_by_charge={"Exempt": {"treatment": "exempt"}},
    )

    # 91p taxed, less the discount of £10.09, which is called like the exempt charge and is not that charge.
    nets = {each["treatment"]: each["net"]["pence"] for each in found["vat"]["categories"]}
    assert nets == {"exempt": 10_000, "standard": 91 - 1_009}
    assert (found["vat_pence"], found["gross_pence"]) == (-184, 10_000 + 91 - 1_009 - 184)


def test_a_price_follows_its_index_within_the_cap() -> None:
    question = UPLIFT | {"figures": {"2024-09": "133.5", "2025-09": "138.6"}, "prices_gbp": {"Payslips": "4.42"}}

    free, capped = asked(uplift=question), asked(uplift=question | {"cap_percent": "3"})

    assert (free["percent"], free["limit"], free["prices"][0]["gbp"]) == ("3.8", None, "4.59")
    assert (capped["percent"], capped["limit"], capped["prices"][0]["gbp"]) == ("3", "cap", "4.55")


def test_events_are_of_the_day_in_the_documents_zone() -> None:
    versions = [each("1"), {**each("2"), "effective_from": "2026-05-02"}]

    answer = tried(month="2026-05", tariffs=versions, usage={"events": [{"at": "2026-05-01T23:30:00Z"}]})

    assert [line["pence"] for line in answer["lines"]] == [0, 200]  # half past midnight on the 2nd


def test_vat_is_of_charges_less_credits() -> None:
    answer = tried(month="2026-05", tariff=each(), usage={"quantity": "0.91"}, vat={"rate_percent": "20"})

    assert (answer["total_pence"], answer["vat_pence"], answer["gross_pence"]) == (91, 18, 109)


def test_what_is_given_back_earns_no_credit() -> None:
    band = {"shortfall_from": "0", "credit": {"kind": "percent", "percent": "9"}}
    credits = {"targets": [{"target": "a", "bands": [band]}]}
    attained = [{"id": "a", "objective": {"percent": "95"}, "good": 1, "total": 2}]

    answer = tried(month="2026-05", tariff=each(), usage={"quantity": "-3"}, credits=credits, attained=attained)

    assert (answer["charges_pence"], answer["credits_pence"]) == (-300, 0)


def test_a_cliff_is_warned_of() -> None:
    tiers = [{"up_to": 15, "price_gbp": "10"}, {"price_gbp": "5"}]

    answer = tried(month="2026-05", tariff={"charges": [{"kind": "volume", "name": "V", "tiers": tiers}]})

    assert answer["warnings"] == [
        "#/charges/0/tiers/0/up_to: 15 units cost £150.00 and 16 cost £80.00: a unit more costs less; graduated tiers"
        " never do"
    ]


# --- what is refused


@pytest.mark.parametrize(
    ("document", "pointers"),
    [
        ({}, ["#"]),
        ({"tariff": each()}, ["#/month"]),
        ({"month": "2026-05"}, ["#", "#/month"]),
        (MAY | {"before": {"quantity": "1"}}, ["#/before"]),
        (MAY | {"usage": {}}, ["#/usage"]),
        (MAY | {"zone": "London"}, ["#/zone"]),
        (MAY | {"ends": "2026-05-01"}, ["#/month"]),
        (
            MAY | {"usage": {"by_day": {"2026-06-01": "1"}}},
            ["#/usage/by_day/2026-06-01"],
        ),
        (
            MAY | {"usage": {"by_day": {"2026-04-30": "1"}}},
            ["#/usage/by_day/2026-04-30"],
        ),
        (
            {
                "tariff": each(),
                "month": "2026-05",
                "starts": "2026-05-02",
                "usage": {"events": [{"at": "2026-05-01 12:00"}]},
            },
            ["#/usage/events/0/at"],
        ),
        ({"tariffs": [each(), each()], "month": "2026-05"}, ["#/tariffs/1/effective_from"]),
        (MAY | {"vat": {}}, ["#/vat/rate_percent"]),
        (MAY | {"vat_by_charge": {"Each": {"treatment": "zero"}}}, ["#/vat"]),
        (MAY | {"vat": {"treatment": "zero"}, "vat_by_charge": {"Ech": ZERO}}, ["#/vat_by_charge/Ech"]),
        (MAY | {"counted_by": COUNT_OF}, ["#/counted_by/of"]),
        (MAY | {"counted_by": UNIQUE, "usage": {"quantity": "1"}}, ["#/usage"]),
        (MAY | {"counted_by": UNIQUE, "zone": "Europe/Paris"}, ["#/zone"]),
        (
            {"questions": [{"uplift": UPLIFT | {"base": "2023-09", "cap_percent": "-101"}}]},
            ["#/questions/0/uplift/base", "#/questions/0/uplift/figures/2025-09", "#/questions/0/uplift/cap_percent"],
        ),
        (
            {
                "tariff": each(),
                "month": "2026-05",
                "attained": [_A := {"id": "a", "objective": {"percent": "95"}, "good": 2, "total": 1}],
            },
            ["#/attained/0/good", "#/attained"],
        ),
        ({"questions": [{}]}, ["#/questions/0"]),
        ({"questions": [{"split": {"total_gbp": "1", "weights": {"a": "-1"}}}]}, ["#/questions/0/split/weights/a"]),
        ({"questions": [{"convert": {"quantity": "1", "divide_by": "0.0"}}]}, ["#/questions/0/convert/divide_by"]),
        (
            {"questions": [{"days_between": {"starts": "2026-02-30", "ends": "2026-03-01", "zone": "../etc"}}]},
            ["#/questions/0/days_between/zone", "#/questions/0/days_between/starts"],
        ),
        (
            {"questions": [{"prorate": BACKWARDS}]},
            ["#/questions/0/prorate/ends"],
        ),
        (
            {"questions": [{"vat": [TAXED_EXEMPT]}]},
            ["#/questions/0/vat/0/rate_percent"],
        ),
    ],
)
def test_a_document_is_refused_with_every_fault(document: dict[str, Any], pointers: list[str]) -> None:
    assert sorted(refused(**document)) == sorted(pointers)


def test_usage_of_earlier_months_counts_only_where_the_tariff_reads_it() -> None:
    yearly = {"charges": each()["charges"], "terms": {"maximum": {"gbp": "10", "over": "financial-year"}}}

    answer = tried(month="2026-05", tariff=yearly, usage={"by_day": {"2026-04-30": "8", "2026-05-01": "5"}})

    assert [line["pence"] for line in answer["lines"]] == [500, -300]


def test_many_documents_are_answered_in_their_order_and_a_refused_one_stops_none() -> None:
    good = json.dumps({"month": "2026-05", "tariff": each(), "usage": {"quantity": "3"}}).encode()
    lines = [good, b"\n", b"{", b'{"month": "May"}', b" " * 262_145 + b"x", good]

    first, broken, invalid, long, last = try_tariffs(lines)

    assert isinstance(first, TriedTariff)
    assert isinstance(last, TriedTariff)
    assert first.charges_pence == last.charges_pence == 300
    assert [each.line for each in (broken, invalid, long) if isinstance(each, RefusedDocument)] == [3, 4, 5]
