"""Values that are written as text in contracts: money, percentages, months and times of day."""

from typing import Annotated

from msgspec import Meta

from shared.instants import TIME_OF_DAY_PATTERN
from shared.period import MONTH_PATTERN

# `(?![\s\S])` is "end of text" in both Python's and JSON Schema's dialect; `$` would let a final newline pass.
Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?(?![\s\S])", description="pounds as a decimal string: '0.0375'")
]
Percent = Annotated[
    str, Meta(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?)(?![\s\S])", description="0 to 100, as a string")
]
MonthText = Annotated[
    str, Meta(pattern=rf"^{MONTH_PATTERN}(?![\s\S])", description="a month of Europe/London like 2026-03, 2000 to 2099")
]
TimeOfDay = Annotated[str, Meta(pattern=rf"^{TIME_OF_DAY_PATTERN}(?![\s\S])", description="a time of day like 16:00")]
