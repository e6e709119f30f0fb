"""Amounts as finance systems write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.replay.amounts import DecimalMark, amount
from tallystick.replay.table import InvalidRow
from tests.support.laws import law


@pytest.mark.parametrize(
    ("text", "mark", "read"),
    [
        ("1234.50", ".", "1234.50"),
        ("£1,234.50", ".", "1234.50"),
        ("1,234.50", ".", "1234.50"),
        ("1 234.50", ".", "1234.50"),
        ("GBP 12", ".", "12"),
        ("12 €", ".", "12"),
        ("(123.45)", ".", "-123.45"),
        ("(£123.45)", ".", "-123.45"),
        ("£(123.45)", ".", "-123.45"),
        ("-123.45", ".", "-123.45"),
        ("−£123.45", ".", "-123.45"),
        ("123.45-", ".", "-123.45"),
        ("123.45 CR", ".", "-123.45"),
        ("123.45cr", ".", "-123.45"),
        ("123.45 DR", ".", "123.45"),
        ("1234.5000000", ".", "1234.5"),
        (".50", ".", "0.50"),
        ("-0.00", ".", "0.00"),
        ("+5", ".", "5"),
        ("00012", ".", "12"),
        ("1.234,50", ",", "1234.50"),
        ("1234,5", ",", "1234.5"),
        ("1.234", ",", "1234"),
    ],
)
def test_an_amount_is_read_as_it_was_meant(text: str, mark: DecimalMark, read: str) -> None:
    assert amount(text, mark, column="Amount") == read


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Amount: the cell is blank"),
        ("1.23E+03", "is no number"),
        ("1.234,50", "if ',' is its decimal mark, write `decimal: ','` under `quantity`"),
        ("1,23,456", "is no number"),
        ("(-5)", "is no number"),
        ("-5 CR", "is no number"),
        ("5p", "is no number"),
        ("£", "is no number"),
        ("-", "is no number"),
        ("NaN", "is no number"),
        ("１２", "is no number"),
        ("٣", "is no number"),
        ("1.1234567", "more than 12 digits or 6 decimals"),
        ("1234567890123", "more than 12 digits or 6 decimals"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidRow, match=reason):
        amount(text, ".", column="Amount")


@law
@given(st.decimals(min_value=0, max_value=999_999_999, places=2), st.sampled_from(["{}", "£{}", "{} DR", "+{}"]))
def test_the_same_amount_is_read_however_it_is_written(value: object, form: str) -> None:
    plain = f"{value:.2f}"

    assert amount(form.format(f"{value:,.2f}"), ".", column="x") == amount(plain, ".", column="x")
