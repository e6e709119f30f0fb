"""Text cells of CSV files that people open in spreadsheets."""

_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(text: str) -> str:
    """Text with an apostrophe before it where a spreadsheet would run it as a formula. Not for numbers."""
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text
