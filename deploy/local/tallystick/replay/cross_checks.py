"""What a mapping says in two places, and differently: checks that look further than one value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

from shared.contracts.target_rules import target_faults
from shared.faults import Fault, Path, did_you_mean
from shared.validation import InvalidValue
from tallystick.replay.events import EVENT_TYPES, OPENING_EVENT
from tallystick.replay.lookups import LookupTable
from tallystick.replay.mapping_schema import (
    ActivityRule,
    CellValue,
    CompleteSpan,
    EventRows,
    ItemRows,
    MappingContent,
    ReadingRows,
    TargetTemplates,
    TimeRule,
    Trial,
    Where,
)
from tallystick.replay.targets import placeholders, target_of
from tallystick.replay.times import NAMED_FORMS, contradictions, format_fault

Faults = Iterator[Fault]
Tables = Mapping[str, LookupTable]


def name_faults(value: object) -> Faults:
    """Zones, encodings, separators and formats of times that cannot be used; the mapping's shape may still be wrong."""
    if not isinstance(value, dict):
        return
    if isinstance(zone := value.get("zone"), str) and not _is_zone(zone):
        yield Fault(("zone",), f"{zone!r} is no time zone: write one like Europe/London")
    if isinstance(encoding := value.get("encoding"), str) and not _is_encoding(encoding):
        yield Fault(("encoding",), f"{encoding!r} is no text encoding: write for example cp1252")
    if isinstance(delimiter := value.get("delimiter"), str) and delimiter not in {"tab", r"\t"} and len(delimiter) != 1:
        yield Fault(("delimiter",), f"{delimiter!r} is no single character: write for example ';', or tab")
    yield from _form_faults(("time_format",), value.get("time_format"))
    times = value.get("times")
    for name, rule in times.items() if isinstance(times, dict) else ():
        if isinstance(rule, dict):
            yield from _form_faults(("times", str(name), "format"), rule.get("format"))
            if isinstance(zone := rule.get("zone"), str) and not _is_zone(zone):
                yield Fault(("times", str(name), "zone"), f"{zone!r} is no time zone: write one like Europe/London")


def _form_faults(path: Path, given: object) -> Faults:
    """What is wrong with a form of times, or with a list of them."""
    forms = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    texts = [form for form in forms if isinstance(form, str)]
    for form in texts:
        if "%" not in form and form not in NAMED_FORMS:
            near = did_you_mean(form, NAMED_FORMS) or f": write a form like %d/%m/%Y, or {', '.join(NAMED_FORMS)}"
            yield Fault(path, f"{form!r} is no form of times{near}")
        elif (fault := format_fault(form)) is not None:
            yield Fault(path, f"{form!r} {fault}")
    if len(texts) > 1 and not any(format_fault(form) for form in texts):
        yield from (Fault(path, found) for found in contradictions(texts))


def cross_check(content: MappingContent, tables: Tables) -> Faults:
    """Every contradiction in `content`, and between it and the lookups that could be read, with its path."""
    for path, value in content.cell_values().items():
        yield from _value_faults(path, value, content, tables)
    if not isinstance(content, ReadingRows):
        yield from _rule_faults(content)
    if isinstance(content, EventRows):
        yield from _activity_faults(content)
    yield from _file_faults(content)
    if content.trial is not None:
        yield from _trial_faults(content.trial, content, tables)


def _file_faults(content: MappingContent) -> Faults:
    """Settings of the file and of its times that say nothing, or two things."""
    yield from where_faults(content.where)
    used = content.time_columns()
    for name, rule in content.times.items():
        if name not in used:
            near = did_you_mean(name, [each for each in used if each is not None])
            yield Fault(("times", name), f"nothing in the mapping reads a time called {name!r}{near}")
        if rule.zone is not None and rule.zone_column is not None:
            yield Fault(("times", name), "name either a zone or a zone_column")
        if rule.plus is None and rule.plus_unit != "text":
            yield Fault(("times", name, "plus_unit"), "there is no `plus`: name the column whose lengths are added")
    if content.complete is not None:
        yield from _span_faults(content.complete)
    if isinstance(content, ItemRows) and content.item is None and content.repeated != "refuse":
        yield Fault(("repeated",), "without `item`, equal rows are several items: there is nothing to choose from")
    if isinstance(content, ReadingRows) and content.adjusts is not None and content.reading is None:
        yield Fault(("adjusts",), "readings have no ids to be named by: name their column under `reading`")


def where_faults(where: Iterable[Where]) -> Faults:
    """Filters of rows that say nothing, or two things."""
    for index, each in enumerate(where):
        if (each.in_ is None) == (each.not_in is None):
            yield Fault(("where", index), "write either `in` or `not_in`, with the cells that it is about")


def _span_faults(complete: CompleteSpan) -> Faults:
    try:
        if date.fromisoformat(complete.from_) >= date.fromisoformat(complete.to):
            yield Fault(("complete",), "`to` is the first day that the file has not: it comes after `from`")
    except ValueError:
        yield Fault(("complete",), "`from` and `to` are days of the calendar, like 2026-06-01")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _is_encoding(name: str) -> bool:
    try:
        "".encode(name)
    except LookupError:
        return False
    return True


def _value_faults(path: Path, value: CellValue, content: MappingContent, tables: Tables) -> Faults:
    yield from value_faults(path, value)
    if (value.lookup is None) != (value.field is None):
        yield Fault(path, "lookup and field go together: which lookup, and which of its columns")
    elif value.lookup is not None and value.field is not None:
        yield from _lookup_faults((*path, "lookup"), value.lookup, {value.field}, content, tables)


def value_faults(path: Path, value: CellValue) -> Faults:
    """A value that has no origin, or two."""
    if (value.constant is None) == (value.column is None):
        yield Fault(path, "name either a column or a constant")
    elif value.constant is not None and (value.lookup or value.field or value.values or value.default):
        yield Fault(path, "a constant has no lookup, field, values or default")


def _lookup_faults(path: Path, name: str, wanted: Iterable[str], content: MappingContent, tables: Tables) -> Faults:
    if name not in content.lookups:
        yield Fault(path, f"there is no lookup called {name!r} under lookups{did_you_mean(name, content.lookups)}")
    elif name in tables:
        for column in sorted(set(wanted) - tables[name].columns):
            near = did_you_mean(column, tables[name].columns)
            yield Fault(path, f"lookup {name!r} has no column {column!r}{near}")


def _rule_faults(content: ItemRows | EventRows) -> Faults:
    opening = OPENING_EVENT[content.kind]
    rules: Sequence[TimeRule | ActivityRule] = content.events
    for index, rule in enumerate(rules):
        yield from (fault.below("events", index) for fault in _one_rule_faults(rule, content))
    count = sum(rule.event == opening for rule in rules)
    if isinstance(content, EventRows) and content.opening is not None:
        if count:
            yield Fault(("opening",), f"a rule under events makes {opening!r} too: keep one of them")
    elif count != 1:
        message = f"one rule must make the event {opening!r}, with which kind: {content.kind} begins; {count} do"
        yield Fault(("events",), message)


def _one_rule_faults(rule: TimeRule | ActivityRule, content: ItemRows | EventRows) -> Faults:
    known = EVENT_TYPES[content.kind]
    if rule.event not in known:
        near = did_you_mean(rule.event, known)
        message = f"kind: {content.kind} has no event {rule.event!r}{near}; it has {', '.join(known)}"
        yield Fault(("event",), message)
    elif rule.event != OPENING_EVENT[content.kind]:
        yield from (fault.below("data") for fault in known[rule.event].data_faults(rule.data))
    elif rule.data:
        yield Fault(("data",), f"the data of {rule.event!r} are the item's own: name columns instead")


def _activity_faults(content: EventRows) -> Faults:
    named = {activity for rule in content.events for activity in rule.activity}
    for index, activity in enumerate(content.ignore):
        if activity in named:
            yield Fault(("ignore", index), f"{activity!r} is ignored here and named by an event above")
    for index, rule in enumerate(content.events):
        if rule.event == OPENING_EVENT[content.kind] and rule.pick == "all":
            yield Fault(("events", index), f"{rule.event!r} happens once: add `pick: first` or `pick: last`")


def _trial_faults(trial: Trial, content: MappingContent, tables: Tables) -> Faults:
    for index, target in enumerate(trial.targets):
        yield from (fault.below("trial", "targets", index) for fault in target_faults(target))
    if trial.targets_from is not None:
        yield from _template_faults(trial.targets_from, content, tables)


def _template_faults(made_from: TargetTemplates, content: MappingContent, tables: Tables) -> Faults:
    path: Path = ("trial", "targets_from")
    columns = {name for template in made_from.templates.values() for name in placeholders(template)}
    yield from _lookup_faults(path, made_from.lookup, {made_from.service, made_from.choose, *columns}, content, tables)
    for choice, template in made_from.templates.items():
        try:
            target_of(template, service="any", cells=dict.fromkeys(columns, "1"))
        except InvalidValue as refused:
            yield from (fault.below(*path, "templates", choice) for fault in refused.faults)
