"""The formula of every working, read as text, comes to the working's amount."""

from fractions import Fraction

import msgspec
import pytest

from billing.domain.formulas import NotAFormula, amount_of
from billing.domain.statement import Statement, build_statement
from tests.support.recharges import ASHBY, PAYABLE, agreement, tariff, terms, usage
from tests.unit.billing.test_corrections import KINDS
from tests.unit.billing.test_rules_version import APRIL, MAY, TERMS, USED


@pytest.mark.parametrize(
    ("formula", "pounds"),
    [
        ("4431 x 4.42", "19585.02"),
        ("above 10 to 20: 10 x 0.5", "5"),
        ("above 20 to no limit: 3.5 x 0.0375", "0.13125"),
        ("Fixed part: priority high: 2 x 3", "6"),
        ("-12.50 x 3.3/100", "-0.4125"),
        ("-min(31 x 20/31 days, 12.00)", "-12"),
        ("max(5.00 - 9, 0) - max(5.00 + 6.00 - 9, 0)", "-2"),
        ("round(100 x 2/12) - round(100 x 1/12)", "8.34"),
        ("(round(100 x 2/12) - round(100 x 1/12)) x 1/2 days", "4.17"),
        ("above 10: 5 once", "5"),
        ("1 - 2 - 3", "-4"),
        ("8 / 4 / 2", "1"),
        ("round(0 - 0.005)", "-0.01"),
    ],
)
def test_a_formula_comes_to_what_a_reader_works_out(formula: str, pounds: str) -> None:
    assert amount_of(formula) == Fraction(pounds)


@pytest.mark.parametrize(
    "formula", ["", "4 x", "4 4", "4 y 3", "(4", "4)", "min(4", "1/0", "__import__('os')", "9" * 1001, "x", "max()"]
)
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(NotAFormula):
        amount_of(formula)


@pytest.mark.parametrize("charge", KINDS, ids=lambda charge: charge.name)
@pytest.mark.parametrize("modifiers", TERMS.values(), ids=TERMS)
@pytest.mark.parametrize("continues", [False, True], ids=["restart", "continue"])
def test_the_formula_of_every_kind_of_charge_and_limit_comes_to_its_amount(
    charge: object, modifiers: object, *, continues: bool
) -> None:
    versions = [
        msgspec.structs.replace(tariff(charge, since=since, continues=continues), terms=modifiers)  # type: ignore[arg-type] # every kind
        for since in ("2026-04-01", "2026-05-12")
    ]
    known = terms(agreement(versions[0].id, since="2026-04-11"), tariffs=versions)
    earlier: list[Statement] = []
    for month in (APRIL, MAY):
        used = [each for each in USED if (each.day.year, each.day.month) == (month.year, month.month)]
        rows = [usage(PAYABLE.id, str(each.day), str(each.quantity), events=each.events) for each in used]
        earlier.append(build_statement(known, ASHBY.id, month, rows, earlier=earlier, details={PAYABLE.id: used}))

    workings = [working for statement in earlier for line in statement.lines for working in line.workings]

    assert workings
    assert [amount_of(each.formula) for each in workings] == [each.amount for each in workings]
