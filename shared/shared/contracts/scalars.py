"""Single values as contracts write them: ids, instants, money, percentages, quantities, months and times of day."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from shared.instants import TIME_OF_DAY_PATTERN
from shared.period import MONTH_PATTERN

# `(?![\s\S])` is "end of text" in both Python's and JSON Schema's dialect; `$` would let a final newline pass.
END_OF_TEXT = r"(?![\s\S])"
ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}" + END_OF_TEXT

# No control characters, as CloudEvents has it, and none that a reader cannot see or that turn the direction of reading:
# names and ids are shown to people, on terminals too.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+" + END_OF_TEXT

ID_FORM = Meta(pattern=ID_PATTERN, description="1 to 64 of A-Z a-z 0-9 _ . - and no personal data")
Id = Annotated[str, ID_FORM]
Instant = Annotated[datetime, Meta(tz=True, description="RFC 3339 with an offset or Z")]
Source = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        pattern=PRINTABLE,
        description="who sent it: /councils/{id}/systems/{name}, in printable characters",
    ),
]
Sequence = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.:-]{1,64}" + END_OF_TEXT,
        description="1 to 64 letters, digits, `_`, `.`, `:` or `-`, which order events of one item at one time",
    ),
]
EventId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=PRINTABLE,
        description="1 to 128 printable characters, unique for ever within its source",
    ),
]
Amount = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})?" + END_OF_TEXT, description="pounds as a decimal string: '0.0375'")
]
Title = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=PRINTABLE, description="1 to 200 printable characters")
]
Percent = Annotated[
    str, Meta(pattern=r"^(100|[0-9]{1,2}(\.[0-9]{1,3})?)" + END_OF_TEXT, description="0 to 100, as a string")
]
FinanceCode = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9 ./_-]{0,30}[A-Za-z0-9])?" + END_OF_TEXT,
        description="1 to 32 letters, digits, spaces and . / _ - as a finance system writes a code",
    ),
]
MonthText = Annotated[
    str,
    Meta(pattern=rf"^{MONTH_PATTERN}{END_OF_TEXT}", description="a month of Europe/London like 2026-03, 2000 to 2099"),
]
CutOff = Annotated[
    str,
    Meta(
        pattern=rf"^({TIME_OF_DAY_PATTERN}|24:00){END_OF_TEXT}",
        description="a time of day like 16:00, or 24:00 for the whole day",
    ),
]
Quantity = Annotated[
    str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?" + END_OF_TEXT, description="a non-negative decimal, as a string")
]
SignedQuantity = Annotated[
    str,
    Meta(pattern=r"^-?[0-9]{1,12}(\.[0-9]{1,6})?" + END_OF_TEXT, description="a decimal, as a string; may be negative"),
]
# £100 billion, so that sums over many items stay within what databases add.
MAX_PENCE = 10_000_000_000_000
Pence = Annotated[int, Meta(ge=-MAX_PENCE, le=MAX_PENCE)]
# An item's kind: its id is unique within a council and a stream only. The item of `service` is an outage.
Stream = Literal["ticket", "work", "service"]
AwaitedParty = Literal["council", "provider", "third-party", "nobody"]
