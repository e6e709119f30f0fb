"""A mapping file, read: shipped under a name, or a path of one's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from shared.faults import Fault, LocatedFault, position_of
from shared.yaml_values import YamlValues, read_yaml
from tallystick.replay.cross_checks import cross_check
from tallystick.replay.form import EventRows, ItemRows, Lookup, MappingForm, ReadingRows
from tallystick.replay.lookups import LookupTable, UnusableLookup, read_lookup

# What pydantic says in a programmer's words. For the rest its own do.
_WORDS = {
    "extra_forbidden": "is not known here",
    "missing": "is missing",
    "model_attributes_type": "expected names with values, beginning with {rows: item}",
    "model_type": "expected names with values, like {column: opened}",
    "string_pattern_mismatch": "expected 1 to 64 of A-Z a-z 0-9 _ . - (a source begins with /)",
    "tuple_type": "expected a list",
    "union_tag_invalid": "rows: expected item, event or reading",
    "union_tag_not_found": "rows is missing: is a row an item, an event or a reading?",
}
_FORM: TypeAdapter[ItemRows | EventRows | ReadingRows] = TypeAdapter(MappingForm)


class BadMapping(ValueError):
    """The mapping cannot be used; `faults` are all that were found, each with its place."""

    def __init__(self, name: str, faults: Iterable[Fault], values: YamlValues) -> None:
        located = {LocatedFault(fault, position_of(fault.path, values.positions)) for fault in faults}
        self.faults = sorted(located, key=lambda each: (each.position or (0, 0), str(each.fault)))
        super().__init__("\n".join(f"{name}, {fault}" for fault in self.faults))


class NoSuchMapping(ValueError):
    """There is neither a shipped mapping of that name nor a file at that path."""


@dataclass(frozen=True, slots=True)
class ReplayMapping:
    """What a mapping file says, and the lookups that it names, by their names."""

    name: str
    form: ItemRows | EventRows | ReadingRows
    lookups: Mapping[str, LookupTable]


def shipped_mappings() -> list[str]:
    """The names of the mappings that come with Tallystick, in alphabetical order."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _shelf().iterdir() if entry.name.endswith(".yaml"))


def read_mapping(name_or_path: str, *, lookups: Mapping[str, Path]) -> ReplayMapping:
    """The mapping of that name or path with its lookups; `lookups` gives the files of those it names without one.

    Raises `NoSuchMapping`, or `BadMapping` with every fault: first those of form, then those of content.
    """
    name, text, folder = _text_of(name_or_path)
    values = read_yaml(text, as_text=True)
    if values.faults:
        raise BadMapping(name, values.faults, values)
    try:
        form = _FORM.validate_python(values.value)
    except ValidationError as fault:
        raise BadMapping(name, map(_fault, fault.errors(include_url=False)), values) from fault
    tables, faults = _read_lookups(form.lookups, lookups, folder)
    faults += cross_check(form, tables)
    if faults:
        raise BadMapping(name, faults, values)
    return ReplayMapping(name, form, tables)


def _shelf() -> Traversable:
    return resources.files("tallystick") / "mappings"


def _text_of(name_or_path: str) -> tuple[str, str, Path]:
    """The mapping's name, its text, and the folder that the files it names are relative to."""
    path = Path(name_or_path)
    if name_or_path in shipped_mappings():
        shipped = _shelf() / f"{name_or_path}.yaml"
        return name_or_path, shipped.read_text(encoding="utf-8"), Path()
    if not path.is_file():
        raise NoSuchMapping(f"{name_or_path!r} is no file and none of {', '.join(shipped_mappings())}")
    return path.name, path.read_text(encoding="utf-8-sig"), path.parent


def _read_lookups(
    named: Mapping[str, Lookup], given: Mapping[str, Path], folder: Path
) -> tuple[dict[str, LookupTable], list[Fault]]:
    tables: dict[str, LookupTable] = {}
    faults = [Fault((), f"the mapping has no lookup called {name!r}") for name in given if name not in named]
    for name, lookup in named.items():
        path = given.get(name) or (folder / lookup.file if lookup.file else None)
        if path is None:
            faults.append(Fault(("lookups", name), f"lookup {name!r} needs its file: give --lookup {name}=FILE"))
            continue
        try:
            tables[name] = read_lookup(path, key=lookup.key)
        except UnusableLookup as fault:
            faults.append(Fault(("lookups", name), f"lookup {name!r}: {fault}"))
    return tables, faults


def _fault(error: ErrorDetails) -> Fault:
    """What pydantic says. It begins with what a row is, and puts its tags of alternatives between: neither is a key."""
    steps = tuple(step for step in error["loc"][1:] if not str(step).startswith("<"))
    return Fault(steps, _WORDS.get(error["type"]) or error["msg"].removeprefix("Value error, "))
