"""A change of code that moves a penny of what is known raises the version of the rules of rating, and says so.

`python -m tests.unit.billing.test_rules_version` records the lines of the present version in rated_lines.json.
"""

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import msgspec

from billing.domain.charge_line import plain
from billing.domain.corrections import SERVICE_CREDIT
from billing.domain.rules import CHANGED_KINDS, RULES_VERSION
from billing.domain.statement import Statement, build_statement
from billing.domain.usage import UsageDetail
from shared.contracts.charges import ChargeLimit, ChargeTerms, FixedDiscount, PercentageDiscount, Waiver
from shared.contracts.definitions import Tariff
from shared.money import exact_text
from shared.period import Month
from tests.support.recharges import ASHBY, PAYABLE, agreement, tariff, terms, usage
from tests.unit.billing.test_corrections import KINDS
from tests.unit.billing.test_credited_statement import credited_agreement, statement_of

RECORDED = Path(__file__).with_name("rated_lines.json")
PAGE = Path(__file__).parents[3] / "docs" / "rating-rules.md"
APRIL, MAY = Month(2026, 4), Month(2026, 5)
TERMS = {
    "plain": ChargeTerms(),
    "free units, prorated": ChargeTerms(free_units=3, prorate_tiers=True),
    "waiver, discounts, limits": ChargeTerms(
        waivers=(Waiver(name="Error", when={"cause": ("provider",)}),),
        discounts=(PercentageDiscount(name="Partner", percent="3.3"), FixedDiscount(name="Start", monthly_gbp="1.11")),
        maximum=ChargeLimit(gbp="25.55"),
        minimum=ChargeLimit(gbp="9.99"),
    ),
    "limits of the year": ChargeTerms(
        maximum=ChargeLimit(gbp="60", over="financial-year"), minimum=ChargeLimit(gbp="50", over="financial-year")
    ),
}
# A joiner in April, and a version from 12 May.
USED = [
    UsageDetail(date(2026, 4, 20), Decimal("7.5"), {"priority": "high", "value": "12.34", "cause": "council"}),
    UsageDetail(date(2026, 5, 2), Decimal(26), {"priority": "low", "value": "0.05", "cause": "council"}),
    UsageDetail(date(2026, 5, 3), Decimal(2), {"priority": "high", "value": "250", "cause": "provider"}),
    UsageDetail(date(2026, 5, 20), Decimal(11), {"priority": "high", "value": "99.99", "cause": "council"}, 3),
    UsageDetail(date(2026, 5, 21), Decimal(-1), {"priority": "low", "value": "1", "cause": "council"}),
]
Lines = dict[str, list[list[str]]]


def rated_lines() -> Lines:
    """Every line of a fixed set of months by its case: kind, first day, quantity, exact pounds, pence."""
    found: Lines = {}
    for charge in KINDS:
        for name, modifiers in TERMS.items():
            if charge.name == "Matrix" and modifiers.free_units:
                continue  # the catalogue refuses free units of a matrix
            for continues in (False, True):
                versions = [
                    msgspec.structs.replace(tariff(charge, since=since, continues=continues), terms=modifiers)
                    for since in ("2026-04-01", "2026-05-12")
                ]
                how = "continue" if continues else "restart"
                found[f"{charge.name}, {name}, {how}"] = _two_months(versions)
    credits = statement_of(credited_agreement(year_gbp="400")).credits
    found["service credits"] = [[SERVICE_CREDIT, line.target, "", "", str(-line.applied_pence)] for line in credits]
    return found


def _two_months(versions: list[Tariff]) -> list[list[str]]:
    known = terms(agreement(versions[0].id, since="2026-04-11"), tariffs=versions)
    earlier: list[Statement] = []
    for month in (APRIL, MAY):
        used = [each for each in USED if Month(each.day.year, each.day.month) == month]
        rows = [usage(PAYABLE.id, str(each.day), str(each.quantity), events=each.events) for each in used]
        earlier.append(build_statement(known, ASHBY.id, month, rows, earlier=earlier, details={PAYABLE.id: used}))
    return [
        [line.kind, str(line.first_day), plain(line.quantity), exact_text(line.amount_exact), str(line.amount_pence)]
        for statement in earlier
        for line in statement.lines
    ]


def test_what_is_known_is_rated_as_recorded_by_the_rules_of_this_version() -> None:
    """Where it is not: add a version to `billing.domain.rules` and docs/rating-rules.md, then record its lines."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))

    assert rated_lines() == recorded[str(RULES_VERSION)]


def test_each_version_changes_the_kinds_of_line_that_its_entry_names_and_no_others() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))

    assert sorted(map(int, recorded)) == sorted(CHANGED_KINDS) == list(range(1, RULES_VERSION + 1))
    for version in range(2, RULES_VERSION + 1):
        assert _changed(recorded[str(version - 1)], recorded[str(version)]) <= CHANGED_KINDS[version]


def test_the_page_of_the_rules_has_a_section_for_each_version() -> None:
    assert re.findall(r"^### (\d+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == [
        str(version) for version in sorted(CHANGED_KINDS)
    ]


def _changed(before: Lines, after: Lines) -> set[str]:
    """The kinds of the lines that differ, of cases that both have."""
    return {
        line[0]
        for case in before.keys() & after.keys()
        for line in [*before[case], *after[case]]
        if (line in before[case]) != (line in after[case])
    }


if __name__ == "__main__":
    known_before = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    rows = known_before | {str(RULES_VERSION): rated_lines()}
    versions = (
        f'"{version}": {{\n' + ",\n".join(f"{json.dumps(case)}: {json.dumps(of[case])}" for case in of) + "\n}"
        for version, of in rows.items()
    )
    RECORDED.write_text("{\n" + ",\n".join(versions) + "\n}\n", encoding="utf-8")
