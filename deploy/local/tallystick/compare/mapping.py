"""A mapping of a spreadsheet of recharges: which column is the council, the service, the amount, and so on."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from shared.faults import Fault
from shared.validation import value_faults
from shared.yaml_values import read_yaml
from tallystick.replay.amounts import DecimalMark
from tallystick.replay.cross_checks import name_faults, where_faults
from tallystick.replay.cross_checks import value_faults as origin_faults
from tallystick.replay.mapping import InvalidMapping, UnknownMapping
from tallystick.replay.mapping_schema import IdValue, MappedFile, MappingPart, Name
from tallystick.replay.piped import as_file
from tallystick.replay.table import UnreadableFile

_A_DAY_OF_A_MONTH = datetime(2026, 11, 28)  # noqa: DTZ001 (only its month is looked at)


class AmountColumn(MappingPart, frozen=True, kw_only=True):
    """A column of numbers as people write them; `decimal` is the mark before their decimals."""

    column: Name
    decimal: DecimalMark = "."


class MonthColumn(MappingPart, frozen=True, kw_only=True):
    """A column of months: 2026-03, a date within it, or as `format` says, for example %b-%y for Mar-26."""

    column: Name
    format: Name | None = None


class CreditRows(MappingPart, frozen=True, kw_only=True, rename={"in_": "in"}):
    """Rows are credits whose cell of `column` is `in` the list; all their amounts have one sign."""

    column: Name
    in_: tuple[str, ...]
    signs: Literal["negative", "positive"] = "negative"


class RechargeMapping(MappedFile, frozen=True, kw_only=True):
    """One row is one amount that one council was charged for one service, before VAT."""

    council: IdValue
    service: IdValue
    amount: AmountColumn
    quantity: AmountColumn | None = None
    price: AmountColumn | None = None
    month: MonthColumn | None = None
    credit: CreditRows | None = None

    @property
    def columns(self) -> set[str]:
        """Every column that the file must have."""
        named = self.council, self.service, self.amount, self.quantity, self.price, self.month, self.credit
        return {each.column for each in named if each is not None and each.column is not None}


def read_recharge_mapping(path: Path) -> RechargeMapping:
    """The mapping in the file; raises `UnknownMapping`, or `InvalidMapping` with every fault."""
    try:
        with as_file(path) as file:
            values = read_yaml(file.read_text(encoding="utf-8-sig"), as_text=True)
    except UnreadableFile as fault:
        raise UnknownMapping(str(fault)) from fault
    except UnicodeDecodeError as fault:
        raise UnknownMapping(f"{str(path)!r} is not UTF-8") from fault
    except OSError as fault:
        raise UnknownMapping(f"{str(path)!r} cannot be read: {fault.strerror}") from fault
    faults = [*values.faults]
    if values.value is not None or not faults:
        faults += value_faults(values.value, RechargeMapping)
    mapping = None if faults else msgspec.convert(values.value, RechargeMapping)
    faults += name_faults(values.value)
    faults += [] if mapping is None else _content_faults(mapping)
    if mapping is None or faults:
        raise InvalidMapping(path.name, faults, values)
    return mapping


def _content_faults(mapping: RechargeMapping) -> Iterator[Fault]:
    for name, value in (("council", mapping.council), ("service", mapping.service)):
        yield from origin_faults((name,), value)
        if value.lookup is not None or value.field is not None:
            yield Fault((name,), "a comparison has no lookups: list the cells under `values`")
    yield from where_faults(mapping.where)
    if mapping.price is not None and mapping.quantity is None:
        yield Fault(("price",), "a price is of a quantity: name its column under `quantity`")
    if mapping.month is not None and mapping.month.format is not None:
        yield from _format_faults(mapping.month.format)


def _format_faults(form: str) -> Iterator[Fault]:
    no_month = Fault(("month", "format"), f"{form!r} reads no whole month: write for example %b-%y or %m/%Y")
    if "%d" in form and not re.search("%[yYG]", form):  # Python 3.13 warns of a day that is read without its year
        yield no_month
        return
    try:
        read = datetime.strptime(_A_DAY_OF_A_MONTH.strftime(form), form)  # noqa: DTZ007 (as above)
    except ValueError as fault:
        yield Fault(("month", "format"), f"{form!r} is no format that can be read: {fault}")
        return
    if (read.year, read.month) != (_A_DAY_OF_A_MONTH.year, _A_DAY_OF_A_MONTH.month):
        yield no_month
