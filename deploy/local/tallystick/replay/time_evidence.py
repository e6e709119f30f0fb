"""By which forms the times of an export can be read, and what in the file shows it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from zoneinfo import ZoneInfo

from shared.web.formats import counted
from tallystick.replay.table import InvalidRow
from tallystick.replay.times import ISO, Times, contradictions

_SLASHED = [
    f"{first}{mark}{second}{mark}{year}"
    for mark in "/-."
    for first, second in (("%d", "%m"), ("%m", "%d"))
    for year in ("%Y", "%y")
]
_DAYS = (
    *_SLASHED,
    *("%Y/%m/%d", "%Y.%m.%d"),
    *("%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d/%b/%y", "%d %b %Y", "%d %b %y", "%d %B %Y", "%d-%B-%Y"),
    *("%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%a %d %b %Y", "%a, %d %b %Y", "%A %d %B %Y", "%A, %d %B %Y"),
)
_CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S.%f")
_TIMES_OF_DAY = (
    "",
    *(f"{mark}{clock}{zone}" for mark, clock, zone in product((" ", ", "), _CLOCKS, ("", " %z", " %Z"))),
)
# The day of each form: what two columns can share though their times of day are written in two ways.
_DAY_OF: Mapping[str, str] = {f"{day}{time}": day for day, time in product(_DAYS, _TIMES_OF_DAY)}
_NUMBERS = ("epoch-seconds", "epoch-milliseconds")
_DIRECTIVE, _WORD = re.compile(r"%[A-Za-z]"), re.compile(r"[0-9A-Za-z]+")
_SPACES = re.compile(r"\s+")
_DOTTED = re.compile(r"([ap])\.m\.", re.IGNORECASE)
_EVERY_FORM = (ISO, *_NUMBERS, *_DAY_OF)


@dataclass(frozen=True, slots=True)
class TimeEvidence:
    """The forms of a file's times, none where all are ISO 8601, and why; or what the file does not show."""

    forms: tuple[str, ...] = ()
    reason: str = "times are ISO 8601"
    undecided: str | None = None


def time_evidence(columns: Sequence[Sequence[str]], zone: ZoneInfo) -> TimeEvidence:
    """By what the cells of each column are read. What one shows of the order of days and months holds for all.

    A form reads a column where it reads nine in ten of its cells, and no other reads more of them.
    """
    by_column = [cells for cells in columns if cells]
    fitting = [forms_of(cells, zone) for cells in by_column]
    for cells, forms in zip(by_column, fitting, strict=True):
        if not forms:
            return TimeEvidence(undecided=f"by which form times are read: for example {_unread(cells, zone)!r}")
    days = [{_DAY_OF.get(form, form) for form in forms} for forms in fitting]
    known = {day for each in days for day in each if len(each) == 1}
    chosen = [next((form for form in forms if _DAY_OF.get(form, form) in known), forms[0]) for forms in fitting]
    count = sum(map(len, by_column))
    open_to_both = [form for forms, each in zip(fitting, days, strict=True) if not each & known for form in forms]
    if any(contradictions(dict.fromkeys([*chosen, *open_to_both]))):
        read = " or ".join(dict.fromkeys(form for forms in fitting for form in forms))
        return TimeEvidence(undecided=f"whether days or months come first: {read} read all {count:,} times")
    every, read_by = tuple(dict.fromkeys(chosen)), list(zip(chosen, by_column, strict=True))
    unread = [text for form, cells in read_by for text in cells if not _read(form, [text], zone)]
    be = "is" if len(unread) == 1 else "are"
    but = f"; {len(unread):,} of them {be} not and {be} refused, for example {unread[0]!r}" if unread else ""
    if set(every) <= {ISO}:
        return TimeEvidence(reason=f"times are ISO 8601{but}")
    of_form = "of this form" if len(every) == 1 else "of one of these forms"
    shown = "".join(_order_shown(read_by, zone))
    return TimeEvidence(every, f"the {counted(count, 'time')} looked at are {of_form}{but}{shown}")


def can_be_read(cells: Sequence[str], zone: ZoneInfo) -> bool:
    """Whether some form reads the cells, of which there must be one."""
    return bool(cells) and bool(forms_of(cells, zone))


def forms_of(cells: Sequence[str], zone: ZoneInfo) -> list[str]:
    """The forms that read most of the cells, which must be nine in ten or more."""
    (usual, _), *_ = Counter(map(_marks, cells)).most_common(1)
    alike = [form for form in _EVERY_FORM if form not in _DAY_OF or _is_alike(form, usual)]
    read = {form: _read(form, cells, zone) for form in alike}
    most = max(read.values())
    return [form for form in alike if read[form] == most] if most * 10 >= len(cells) * 9 else []


def _unread(cells: Sequence[str], zone: ZoneInfo) -> str:
    """A cell that the form of the first one does not read; the first where none reads it."""
    first = next((form for form in _EVERY_FORM if _read(form, cells[:1], zone)), None)
    return cells[0] if first is None else next((text for text in cells if not _read(first, [text], zone)), cells[0])


def _read(form: str, cells: Sequence[str], zone: ZoneInfo) -> int:
    """How many of the cells the form reads; it gives up where a tenth of them is not read."""
    times, unread = Times(zone, form, Counter()), 0
    for text in cells:
        try:
            times.instant(text, column="")
        except InvalidRow:
            unread += 1
            if unread * 10 > len(cells):
                return 0
    return len(cells) - unread


def _marks(text: str) -> str:
    """What is left of a time without its digits and words; spaces in a row are one, as forms read them."""
    return _SPACES.sub(" ", _WORD.sub("", _DOTTED.sub(r"\1m", text)))


def _is_alike(form: str, usual: str) -> bool:
    """Whether the form has the marks that most times have: of most forms they are others, and looking is quick."""
    return _SPACES.sub(" ", _DIRECTIVE.sub("", form)) in (
        {usual} if "%z" not in form else {usual.rstrip("+-:"), usual[:-1]}
    )


def _order_shown(read_by: Sequence[tuple[str, Sequence[str]]], zone: ZoneInfo) -> Iterator[str]:
    """The first cell that can be read in one order of days and months alone."""
    for form, cells in read_by:
        swapped = form.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m")
        if swapped == form or swapped not in _DAY_OF:
            continue
        shown = next((text for text in cells if _read(form, [text], zone) and not _read(swapped, [text], zone)), None)
        if shown is not None:
            yield f"; {shown!r} shows that {'days' if form.startswith('%d') else 'months'} come first"
            return
