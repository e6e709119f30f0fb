"""A spreadsheet of recharges is read as finance systems write it, or each row that cannot be says why."""

from datetime import datetime
from fractions import Fraction
from pathlib import Path

import openpyxl
import pytest

from shared.period import Month
from tallystick.compare.mapping import read_recharge_mapping
from tallystick.compare.recharge_rows import EarlierRecharges, read_recharges
from tallystick.replay.mapping import InvalidMapping
from tallystick.replay.table import UnreadableFile

APRIL = Month(2026, 4)
MAPPING = """
council: {column: Council}
service: {column: Service}
amount: {column: Net}
quantity: {column: Units}
price: {column: Rate}
"""
HEADER = "Council,Service,Units,Rate,Net\n"


def read(folder: Path, text: str, mapping: str = MAPPING, *, first: Month = APRIL) -> EarlierRecharges:
    (folder / "old.csv").write_text(text, encoding="utf-8")
    return read_file(folder, folder / "old.csv", mapping, first=first)


def read_file(folder: Path, path: Path, mapping: str, *, first: Month = APRIL) -> EarlierRecharges:
    (folder / "mapping.yaml").write_text(mapping, encoding="utf-8")
    return read_recharges(path, read_recharge_mapping(folder / "mapping.yaml"), first, first)


@pytest.mark.parametrize(
    ("cell", "pence"),
    [
        ('"£1,234.50"', 123_450),
        ("(123.45)", -12_345),
        ("123.45 CR", -12_345),
        ("0.005", 1),
        ("12.344999999999999", 1_234),
        ("7", 700),
    ],
)
def test_amounts_are_read_as_finance_systems_write_them(cell: str, pence: int, tmp_path: Path) -> None:
    named = MAPPING.replace("{column: Council}", "{column: Council, values: {Adur DC: adur}}")

    found = read(tmp_path, f"{HEADER}Adur DC,Print room,,,{cell}\n", named)

    assert [each.amount_pence for each in found.rows["adur", "print-room"]] == [pence]
    assert found.names == {"adur": "Adur DC", "print-room": "Print room"}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (",Payroll,,,1", "Council: the cell is blank"),
        ("Adur,Payroll,,,", "amount: the cell is blank"),
        ("Adur,Payroll,,,many", "Net: 'many' is no number with at most 6 decimals"),
        ("Adur,Payroll,x,1,1", "Units: 'x' is no number with at most 6 decimals"),
        ("Adur,Payroll,1", "the row has 3 cells where the header has 5"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_line(cells: str, reason: str, tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEADER}Adur,ICT,,,5\n{cells}\n")

    assert [(each.line, each.reason) for each in found.refused] == [(3, reason)]
    assert list(found.rows) == [("adur", "ict")]


@pytest.mark.parametrize(("form", "cell"), [(None, "2026-04"), (None, "2026-04-30"), ('"%b-%y"', "Apr-26")])
def test_rows_of_other_months_are_left_out_and_counted(form: str | None, cell: str, tmp_path: Path) -> None:
    month = "{column: Month}" if form is None else f"{{column: Month, format: {form}}}"
    mapping = f"{MAPPING}month: {month}\n"
    other = {"2026-04": "2026-05", "2026-04-30": "2026-05-01", "Apr-26": "May-26"}[cell]

    found = read(
        tmp_path,
        f"Month,{HEADER}{cell},Adur,ICT,,,5\n{other},Adur,ICT,,,6\nnever,Adur,ICT,,,7\n",
        mapping,
    )

    assert [each.amount_pence for each in found.rows["adur", "ict"]] == [500]
    assert found.left_out == {"of other months": 1}
    assert [each.line for each in found.refused] == [4]


@pytest.mark.parametrize(
    ("signs", "cell", "pence"), [("negative", "-5", -500), ("positive", "5", -500), ("negative", "0", 0)]
)
def test_credits_are_below_zero_however_the_file_has_them(signs: str, cell: str, pence: int, tmp_path: Path) -> None:
    mapping = f"{MAPPING}credit: {{column: Type, in: [Rebate], signs: {signs}}}\n"

    found = read(tmp_path, f"Type,{HEADER}Rebate,Adur,ICT,,,{cell}\nCharge,Adur,ICT,,,9\n", mapping)

    assert [(each.amount_pence, each.is_credit) for each in found.rows["adur", "ict"]] == [(pence, True), (900, False)]


@pytest.mark.parametrize(("signs", "cell"), [("negative", "5"), ("positive", "-5")])
def test_a_credit_of_the_other_sign_is_refused(signs: str, cell: str, tmp_path: Path) -> None:
    mapping = f"{MAPPING}credit: {{column: Type, in: [Rebate], signs: {signs}}}\n"

    found = read(tmp_path, f"Type,{HEADER}Rebate,Adur,ICT,,,{cell}\n", mapping)

    assert (found.rows, len(found.refused)) == ({}, 1)
    assert "signs: positive" in found.refused[0].reason


def test_a_madesays_the_same_and_its_dates_are_months(tmp_path: Path) -> None:
    made = openpyxl.Workbook()
    assert made.active is not None
    made.active.append(["Recharges"])
    made.active.append(["Month", "Council", "Service", "Units", "Rate", "Net"])
    made.active.append([datetime(2026, 4, 1), "Adur", "Payroll", 100, 0.1, 10.000000000000002])  # noqa: DTZ001 (Excel has no zones)
    made.save(tmp_path / "old.xlsx")

    found = read_file(tmp_path, tmp_path / "old.xlsx", f'{MAPPING}month: {{column: Month, format: "%b-%y"}}\n')

    (recharge,) = found.rows["adur", "payroll"]
    assert (recharge.line, recharge.amount_pence, recharge.quantity) == (3, 1_000, Fraction(100))


def test_a_file_without_the_columns_names_each_of_them(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"no column 'Net'.*no column 'Rate': did you mean Rates\?"):
        read(tmp_path, "Council,Service,Units,Rates,Amount\n")


@pytest.mark.parametrize(
    ("mapping", "faults"),
    [
        ("", ["expected an object with named fields"]),
        ("council: {column: A}\nservise: {column: B}\namount: {column: C}\n", ["is missing", "did you mean service"]),
        (f"{MAPPING}month: {{column: M, format: '%d'}}\n", ["reads no whole month"]),
        (f"{MAPPING}month: {{column: M, format: '%Q'}}\n", ["is no format that can be read"]),
        (MAPPING.replace("quantity: {column: Units}\n", ""), ["a price is of a quantity"]),
        (MAPPING.replace("{column: Service}", "{column: Service, constant: ict}"), ["either a column or a constant"]),
        (MAPPING.replace("{column: Service}", "{column: S, lookup: l, field: f}"), ["has no lookups"]),
        (f"{MAPPING}where: [{{column: X}}]\nencoding: klingon\n", ["`in` or `not_in`", "no text encoding"]),
        ("a: [", ["YAML"]),
    ],
)
def test_faults_of_a_mapping_come_all_at_once(mapping: str, faults: list[str], tmp_path: Path) -> None:
    with pytest.raises(InvalidMapping) as refused:
        read(tmp_path, HEADER, mapping)

    for each in faults:
        assert each in str(refused.value)
