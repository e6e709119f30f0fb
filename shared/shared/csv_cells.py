"""CSV files that people open in spreadsheets: text that no spreadsheet runs, numbers plain."""

import csv
import io
from collections.abc import Iterable

import msgspec
from msgspec import Struct

CSV_TYPE = "text/csv; charset=utf-8; header=present"
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(text: str) -> str:
    """Text with an apostrophe before it where a spreadsheet would run it as a formula. Not for numbers."""
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text


def csv_table(kind: type[Struct], rows: Iterable[Struct]) -> str:
    """RFC 4180: a column for each field of `kind`, by its name; of each row what JSON would have, nothing for null.

    The fields are text, numbers, truth values and instants.
    """
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(kind.__struct_fields__)
    for row in rows:
        values = msgspec.to_builtins(row)
        writer.writerow(_cell(values[name]) for name in kind.__struct_fields__)
    return written.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escape_formula(value) if isinstance(value, str) else value
