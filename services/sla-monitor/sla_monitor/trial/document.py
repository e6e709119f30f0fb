"""The document that tries a target: one calendar or several, targets, what happened to an item, questions.

Calendars and targets are the catalogue's own, with an id and a name that may be left out. docs/try-a-target.md
describes the document; its JSON Schema is made from these types.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct, field

from shared.contracts.decisions import Category
from shared.contracts.definitions import EVERY_SERVICE, Calendar, ServiceOrAll, Target, Text
from shared.contracts.scalars import AwaitedParty, CutOff, Id, MonthText, Sequence, Title
from shared.contracts.schema import schema_of
from shared.faults import Path
from shared.written_time import When

# The contract's words for tickets, and those that only work items have.
_OfTickets = Literal["opened", "assigned", "asked", "responded", "paused", "resumed", "resolved", "closed", "reopened"]
_OfWork = Literal["received", "started", "completed", "rejected"]
EventName = Literal[_OfTickets, "cancelled", "reprioritised", "reclassified", _OfWork]
OPENINGS = ("opened", "received")
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
TrialAttributes = Annotated[
    dict[str, str | None], Meta(max_length=16, description="what targets may select by; null takes one away again")
]
Times = Iterator[tuple[Path, str]]
_TIME_FIELDS = ("at", "due_at", "start", "end", "to", "between", "is_open", "as_of")


class TrialCalendar(Calendar, frozen=True, kw_only=True):
    """Service hours, as in the catalogue's files. Entries of one id are its versions, by `effective_from`."""

    id: Id = "calendar"
    name: Title = "Calendar"


class TrialTarget(Target, frozen=True, kw_only=True):
    """A target, as in the catalogue's files. Its calendar is the only one of the document unless it names another."""

    id: Id = "target"
    service: ServiceOrAll = EVERY_SERVICE


class TrialEvent(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What happened to the item, and when. Each field but the first three belongs to some events only."""

    at: When
    event: EventName
    sequence: Sequence | None = None
    service: Id | None = None
    priority: Id | None = None
    attributes: TrialAttributes = field(default_factory=dict)
    due_at: When | None = None
    reason: Id | None = None
    awaiting: AwaitedParty | None = None


class TargetChange(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From `at` on these targets apply to the item, in place of all before; one that is given unchanged goes on."""

    at: When
    targets: Annotated[tuple[TrialTarget, ...], Meta(max_length=50)]


class TrialExclusion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Time that both sides agreed not to count: `end` is excluded; without `target` it is agreed for all of them."""

    start: When
    end: When
    category: Category = "agreed"
    target: Id | None = None


class TrialOutage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The service was down from `start` to `end`, which is excluded; without `end` it still is."""

    start: When
    end: When | None = None


class Addition(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An instant, and how much of the calendar's time is to pass after it: one of the three amounts."""

    to: When
    seconds: Count | None = None
    working_hours: Annotated[int, Meta(ge=0, le=200_000)] | None = None
    working_days: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    day_rule: Literal["closing-time", "same-time", "following-days"] = "closing-time"
    cut_off: CutOff | None = None


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A question to a calendar: exactly one of `between`, `add` and `is_open`. `id` is repeated in the answer."""

    id: Id | None = None
    calendar: Id | None = None
    between: Annotated[tuple[When, ...], Meta(min_length=2, max_length=2)] | None = None
    add: Addition | None = None
    is_open: When | None = None


class TrialDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A document to be answered. Times without an offset are those of `zone`, else of the calendars' one zone."""

    title: Title | None = None
    source: Text | None = None
    zone: str | None = None
    calendar: TrialCalendar | None = None
    calendars: Annotated[tuple[TrialCalendar, ...], Meta(max_length=20)] = ()
    targets: Annotated[tuple[TrialTarget, ...], Meta(max_length=50)] = ()
    target_changes: Annotated[tuple[TargetChange, ...], Meta(max_length=20)] = ()
    events: Annotated[tuple[TrialEvent, ...], Meta(max_length=1000)] = ()
    exclusions: Annotated[tuple[TrialExclusion, ...], Meta(max_length=200)] = ()
    outages: Annotated[tuple[TrialOutage, ...], Meta(max_length=500)] = ()
    period: MonthText | None = None  # for an objective over a quarter or year, a month that lies in it
    as_of: When | None = None
    questions: Annotated[tuple[Question, ...], Meta(max_length=500)] = ()

    @property
    def all_calendars(self) -> tuple[TrialCalendar, ...]:
        """Every version of every calendar."""
        return self.calendars if self.calendar is None else (self.calendar, *self.calendars)

    @property
    def wall_zone(self) -> ZoneInfo:
        """The zone of the times without an offset."""
        zones = [calendar.zone for calendar in self.all_calendars]
        return ZoneInfo(self.zone or (zones[0] if zones else "Europe/London"))

    @property
    def target_lists(self) -> tuple[tuple[TrialTarget, ...], ...]:
        """The targets at first, then those of each change in the document's order."""
        return (self.targets, *(change.targets for change in self.target_changes))


def times(part: Struct) -> Times:
    """Every time in the document, or in a part of it, with its path."""
    for name in part.__struct_fields__:
        yield from (((name, *path), text) for path, text in _times_of(name, getattr(part, name)))


def _times_of(name: str, value: object) -> Times:
    match value:
        case str() if name in _TIME_FIELDS:
            yield (), value
        case tuple():
            for index, each in enumerate(value):
                yield from (((index, *path), text) for path, text in _times_of(name, each))
        case Struct():
            yield from times(value)


def document_schema() -> dict[str, Any]:
    """The document's JSON Schema (2020-12)."""
    about = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "/v1/try/target/schema"}
    return about | schema_of(TrialDocument)
