"""Which columns of an export seem to say what: by their names, and by whether their cells can be that."""

import re
from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

from tallystick.replay.amounts import amount
from tallystick.replay.durations import duration
from tallystick.replay.sampled import Sample
from tallystick.replay.table import InvalidRow
from tallystick.replay.time_evidence import can_be_read

# What columns are called in the exports of service desks and finance systems, the surest names first. Names are
# compared as words in lower case: `sys_created_on`, `fields.created` and `CreatedOn` are alike.
_HAPPENED = "opened|created|logged|reported|received|raised|submitted|registered"
_ENDED = "resolved|fixed|solved|completed|repaired|finished|done"
_WHEN = "( at| on| date| time| datetime| dt| ts)*"
TIMES: Mapping[str, Sequence[str]] = {
    "due": (
        r"^((time to )?(resolve|resolution|fix|complete)|fixed|resolved)( by| due| target| deadline)+\b",
        r"\bdue\b|deadline|\btarget\b|^(fix|resolve|complete|respond) by$|breach",
    ),
    "opened": (
        rf"^(date |time )?({_HAPPENED}){_WHEN}$",
        rf"\b({_HAPPENED})\b|creation|^open(ing)?{_WHEN}$",
        r"^start(ed)?\b",
    ),
    "responded": (r"first (response|reply|contact)", r"\b(responded|acknowledged|replied)\b"),
    "resolved": (
        rf"^(date |time )?({_ENDED}){_WHEN}$",
        rf"\b({_ENDED})\b|resolution (date|time)",
        r"\b(closed?|closing|ended|end)\b",
    ),
    "closed": (r"\b(closed|closing)\b",),
}
_OTHERS: Mapping[str, Sequence[str]] = {
    "council": (
        r"^council( name)?$",
        r"council|borough|district|authority",
        r"organi[sz]ation|^org( name)?$|company|^body( name)?$|business unit|^(partner|member)( name)?$",
        r"customer|client",  # of some systems a person
    ),
    "service": (r"^service( name)?$",),
    "priority": (r"priority|urgency|severity",),
    "paused": (r"pending|on hold|paused|suspended",),
    "activity": (r"^(activity|act|step|action|event|what|did)$", r"\b(activity|step|action)\b|^(status|state)$"),
}
_THINGS = "ticket|case|invoice|job|request|enquiry|incident|report|work order|voucher|transaction|document"
_ITEM = (
    rf"^(({_THINGS}) )?(number|no\.?|id|ref(erence)?|key)$"
    r"|^issue key$|^(ticket|case|invoice|incident|voucher|item|#)$",
    r"\b(id|ref(erence)?|key|number|no)\b",
)
_DATE = (r"\b(transaction|payment|paid|invoice|posting) date\b|^date( paid)?$|^paid$", r"\b(date|day)\b")
_AMOUNT = (r"\b(quantity|units|count|lines)\b", r"\b(net )?amount\b|\bnet\b|\bvalue\b|\bcost\b|\btotal\b")
_TOOK = (r"time to (fix|resolve|resolution|complete)|resolution time|time taken|^duration$|^took$",)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_JOINED = re.compile(r"\b(start|end|open|opened|close|closed|create|created|due)(date|time)\b")
_MARKS = re.compile(r"[_\-./\s]+")
# What stands in the rows that sum up others.
TOTAL = re.compile(r"(grand |sub-?)?totals?:?", re.IGNORECASE)


def words(name: str) -> str:
    """The words of a column's name, in lower case."""
    return _JOINED.sub(r"\1 \2", _MARKS.sub(" ", _CAMEL.sub(" ", name)).strip().casefold())


def time_named(sample: Sample) -> list[str]:
    """The columns that are called like a time."""
    patterns = [pattern for each in (*TIMES.values(), _DATE) for pattern in each]
    return [column for column in sample.columns if any(re.search(pattern, words(column)) for pattern in patterns)]


def roles_of(sample: Sample, zone: ZoneInfo) -> dict[str, str]:
    """The column that seems to be each role; no column is two, and a time is a column whose cells are read as times."""
    found: dict[str, str] = {}
    readable = {column for column in time_named(sample) if can_be_read(sample.cells(column), zone)}
    for role, patterns in TIMES.items():
        named = _named(sample, patterns, found)
        # Only what must be there is named without its cells: whoever reads the mapping decides.
        usable = [each for each in named if each in readable or (role == "resolved" and not sample.cells(each))]
        if choice := usable or (named if role == "opened" else []):
            found[role] = _fullest(sample, choice) if role == "opened" else choice[0]
    if "opened" in found and "resolved" not in found and (took := _lengths(sample, found)):
        found["took"] = took[0]
    for role, patterns in _OTHERS.items():
        if named := _named(sample, patterns, found):
            found[role] = named[0]
    if item := [each for each in _named(sample, _ITEM, found) if _is_id(sample, each)]:
        found["item"] = item[0]
    return found


def reading_roles(sample: Sample, zone: ZoneInfo) -> dict[str, str]:
    """The date and the quantity of an export of what was used or paid; empty where it seems to be none."""
    named = _named(sample, _DATE, {})
    dates = [each for each in named if can_be_read(sample.cells(each), zone)] or named
    amounts = [each for each in _named(sample, _AMOUNT, {}) if _are_amounts(sample.cells(each))]
    return {"date": dates[0], "quantity": amounts[0]} if dates and amounts else {}


def other_times(sample: Sample, taken: Mapping[str, str], zone: ZoneInfo) -> list[str]:
    """The free columns all of whose cells are read as times, whatever they are called."""
    free = (column for column in sample.columns if column not in taken.values())
    return [column for column in free if can_be_read(sample.cells(column), zone)]


def mostly_an_id(sample: Sample, taken: Mapping[str, str]) -> str | None:
    """The column that is called like an id, of which more than half of the rows have one of their own."""
    named = _named(sample, _ITEM[:1], taken)
    return next((each for each in named if len(set(sample.cells(each))) * 2 > len(sample.cells(each))), None)


def repeated_item(sample: Sample, taken: Mapping[str, str]) -> str | None:
    """The column that is called like an id and has each several times, as a history has."""
    named = _named(sample, _ITEM[:1], taken)
    repeated = (each for each in named if (cells := sample.cells(each)) and len(set(cells)) * 1.2 < len(cells))
    return next(repeated, None)


def _lengths(sample: Sample, taken: Mapping[str, str]) -> list[str]:
    """The columns that are called like a length of time until the resolution, and hold such."""
    return [column for column in _named(sample, _TOOK, taken) if _are_lengths(sample.cells(column))]


def _named(sample: Sample, patterns: Sequence[str], taken: Mapping[str, str]) -> list[str]:
    """The free columns that are called so, the surest names first, each once."""
    free = [column for column in sample.columns if column not in taken.values()]
    return list(dict.fromkeys(_in_order(free, patterns)))


def _in_order(columns: Sequence[str], patterns: Sequence[str]) -> Iterator[str]:
    for pattern in patterns:
        yield from (column for column in columns if re.search(pattern, words(column)))


def _fullest(sample: Sample, columns: Sequence[str]) -> str:
    """The first of those that have most cells: every item has a beginning."""
    return max(columns, key=lambda column: len(sample.cells(column)))


def _is_id(sample: Sample, column: str) -> bool:
    """Whether no two rows but totals have one value, and few have none."""
    every = sample.cells(column)
    cells = [text for text in every if not TOTAL.fullmatch(text)]
    rows = len(sample.rows) - (len(every) - len(cells))
    return bool(cells) and len(set(cells)) == len(cells) and len(cells) * 10 >= rows * 9 - 10


def _are_amounts(cells: Sequence[str]) -> bool:
    """Whether most cells are amounts: exports of spending have totals and notes among them."""
    read = 0
    for text in cells:
        try:
            amount(text, ".", column="")
        except InvalidRow:
            continue
        read += 1
    return read * 2 > len(cells)


def _are_lengths(cells: Sequence[str]) -> bool:
    try:
        return bool([duration(text, "text", column="") for text in cells])
    except InvalidRow:
        return False
