"""What a mapping says in two places, and differently: checks that look further than one value."""

from collections.abc import Iterable, Iterator, Mapping

from shared.faults import Fault, Path
from tallystick.replay.defining import InvalidDefinition
from tallystick.replay.event_types import EVENT_TYPES, OPENS, InvalidEventData
from tallystick.replay.form import Column, EventRows, FileForm, ItemRows, ReadingRows, TargetTemplates
from tallystick.replay.lookups import LookupTable
from tallystick.replay.targets import placeholders, target_of

Found = Iterator[Fault]


def cross_check(form: ItemRows | EventRows | ReadingRows, tables: Mapping[str, LookupTable]) -> Found:
    """Every contradiction in `form` and between it and the lookups that could be read, with its path."""
    for path, value in form.values().items():
        if isinstance(value, Column):
            yield from _lookup_faults(path, value, form, tables)
    if not isinstance(form, ReadingRows):
        yield from _rule_faults(form)
    if isinstance(form, EventRows):
        yield from _activity_faults(form)
    if form.trial is not None and form.trial.targets_from is not None:
        yield from _target_faults(form.trial.targets_from, form, tables)


def _lookup_faults(path: Path, column: Column, form: FileForm, tables: Mapping[str, LookupTable]) -> Found:
    match column.lookup, column.field:
        case None, None:
            return
        case (None, _) | (_, None):
            yield Fault(path, "lookup and field go together: which lookup, and which of its columns")
        case str(name), str(wanted):
            yield from _missing((*path, "lookup"), name, {wanted}, form, tables)


def _missing(path: Path, name: str, wanted: Iterable[str], form: FileForm, tables: Mapping[str, LookupTable]) -> Found:
    if name not in form.lookups:
        yield Fault(path, f"there is no lookup called {name!r} under lookups")
    elif name in tables:
        for column in sorted(set(wanted) - tables[name].columns):
            yield Fault(path, f"lookup {name!r} has no column {column!r}")


def _rule_faults(form: ItemRows | EventRows) -> Found:
    known = EVENT_TYPES[form.kind]
    for index, rule in enumerate(form.events):
        if rule.event not in known:
            message = f"a {form.kind} has no event {rule.event!r}; it has {', '.join(known)}"
            yield Fault(("events", index, "event"), message)
            continue
        if rule.event == OPENS[form.kind]:
            if rule.data:
                message = f"the data of {rule.event!r} are the item's own: name columns instead"
                yield Fault(("events", index, "data"), message)
            continue
        try:
            known[rule.event].fixed_data(rule.data)
        except InvalidEventData as fault:
            yield Fault(("events", index), str(fault))
    opening = OPENS[form.kind]
    if (count := sum(rule.event == opening for rule in form.events)) != 1:
        message = f"one rule must make the event {opening!r}, with which a {form.kind} begins; {count} do"
        yield Fault(("events",), message)


def _activity_faults(form: EventRows) -> Found:
    named = {activity for rule in form.events for activity in rule.activity}
    for index, activity in enumerate(form.ignore):
        if activity in named:
            yield Fault(("ignore", index), f"{activity!r} is ignored here and named by an event above")
    for index, rule in enumerate(form.events):
        if rule.event == OPENS[form.kind] and rule.pick == "all":
            yield Fault(("events", index), f"{rule.event!r} happens once: add `pick: first` or `pick: last`")


def _target_faults(forms: TargetTemplates, form: FileForm, tables: Mapping[str, LookupTable]) -> Found:
    path: Path = ("trial", "targets_from")
    filled_from = {name for form_of in forms.forms.values() for name in placeholders(form_of)}
    yield from _missing(path, forms.lookup, {forms.service, forms.choose, *filled_from}, form, tables)
    for choice, form_of in forms.forms.items():
        try:
            target_of(form_of, service="any", cells=dict.fromkeys(filled_from, "1"))
        except InvalidDefinition as fault:
            yield Fault((*path, "forms", choice), str(fault))
