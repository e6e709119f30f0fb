"""A mapping file, read: one that comes with Tallystick by its name, or a file by its path."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import msgspec

from shared.faults import Fault, LocatedFault, did_you_mean, listed, position_of
from shared.faults import Path as Path_
from shared.validation import value_faults
from shared.yaml_values import YamlValues, read_yaml
from tallystick.replay.cross_checks import cross_check, name_faults
from tallystick.replay.lookups import LookupTable, UnusableLookup, read_lookup
from tallystick.replay.mapping_schema import Lookup, MappingContent
from tallystick.replay.piped import as_file
from tallystick.replay.table import UnreadableFile

# What must be there, and has no effect on whether the rest makes sense.
_STAND_IN = {"source": "/any", "zone": "UTC"}


class InvalidMapping(ValueError):
    """The mapping cannot be used; `faults` are all that were found, each with its place."""

    def __init__(self, name: str, faults: Iterable[Fault], values: YamlValues) -> None:
        located = {LocatedFault(fault, position_of(fault.path, values.positions)) for fault in faults}
        self.faults = sorted(located, key=lambda each: (each.position or (0, 0), str(each.fault)))
        super().__init__("\n".join(listed([f"{name}, {fault}" for fault in self.faults])))


class UnknownMapping(ValueError):
    """There is neither a shipped mapping of that name nor a readable file at that path."""


@dataclass(frozen=True, slots=True)
class ReplayMapping:
    """What a mapping file says, and the lookups that it names, by their names."""

    name: str
    content: MappingContent
    lookups: Mapping[str, LookupTable]


def shipped_mappings() -> list[str]:
    """The names of the mappings that come with Tallystick, in alphabetical order."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _shipped().iterdir() if entry.name.endswith(".yaml"))


def about_shipped_mappings() -> list[tuple[str, str]]:
    """The name of each shipped mapping, and what it says of itself."""
    return [(name, read_yaml(shipped_text(name), as_text=True).value["about"]) for name in shipped_mappings()]


def shipped_text(name: str) -> str:
    """The shipped mapping of that name, with its comments; raises `UnknownMapping`."""
    if name not in shipped_mappings():
        near = did_you_mean(name, shipped_mappings())
        raise UnknownMapping(
            f"no mapping called {name!r} comes with Tallystick{near}; `tallystick map --list` lists them"
        )
    return (_shipped() / f"{name}.yaml").read_text(encoding="utf-8")


def read_mapping(name_or_path: str, *, lookups: Mapping[str, Path]) -> ReplayMapping:
    """The mapping of that name or path with its lookups; `lookups` gives the files of those it names without one.

    Raises `UnknownMapping`, or `InvalidMapping` with every fault: first those of shape, then those of content.
    """
    name, text, folder = _text_of(name_or_path)
    values = _values(text)
    faults = [*values.faults, *name_faults(values.value)]
    if values.value is not None or not values.faults:
        faults += value_faults(values.value, MappingContent)
    if faults:
        raise InvalidMapping(name, [*faults, *_content_faults(values.value, faults)], values)
    content: MappingContent = msgspec.convert(values.value, MappingContent)
    tables, faults = _read_lookups(content.lookups, lookups, folder)
    faults += cross_check(content, tables)
    if faults:
        raise InvalidMapping(name, faults, values)
    return ReplayMapping(name, content, tables)


def _values(text: str) -> YamlValues:
    """The mapping's own values as text, as cells are; those of its trial's definitions with their types."""
    values = read_yaml(text, as_text=True)
    if isinstance(values.value, dict) and "trial" in values.value:
        values.value["trial"] = read_yaml(text).value["trial"]
    if isinstance(values.value, dict):
        _list_forms(values.value, "time_format")
        times = values.value.get("times")
        for rule in times.values() if isinstance(times, dict) else ():
            if isinstance(rule, dict):
                _list_forms(rule, "format")
    return values


def _content_faults(value: object, faults: Sequence[Fault]) -> list[Fault]:
    """The faults of content that show although the mapping has `faults` of shape; none where too much is wrong."""
    rest = deepcopy(value)
    for fault in faults:
        _take_out(rest, fault.path)
    try:
        content: MappingContent = msgspec.convert(rest, MappingContent)
        found = list(cross_check(content, {}))
        # What is said of a part that has a fault of shape may follow from it.
        return [each for each in found if not any(fault.path[: len(each.path)] == each.path for fault in faults)]
    except (msgspec.ValidationError, LookupError, ValueError):
        return []


def _take_out(value: Any, path: Path_) -> None:
    """What is at `path` is not there, or is something that it might be where nothing goes without it."""
    for step in path[:-1]:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return
    if isinstance(value, dict) and path:
        value.pop(path[-1], None)
        if len(path) == 1 and path[-1] in _STAND_IN:
            value[path[-1]] = _STAND_IN[str(path[-1])]


def _list_forms(value: dict[str, Any], name: str) -> None:
    """A single form of times is a list of one."""
    if isinstance(value.get(name), str):
        value[name] = [value[name]]


def _shipped() -> Traversable:
    return resources.files("tallystick") / "mappings"


def _text_of(name_or_path: str) -> tuple[str, str, Path]:
    """The mapping's name, its text, and the folder that the files it names are relative to."""
    path = Path(name_or_path)
    if name_or_path in shipped_mappings():
        return name_or_path, shipped_text(name_or_path), Path()
    if path.is_dir() or not path.exists():
        near = did_you_mean(name_or_path, shipped_mappings())
        raise UnknownMapping(f"{name_or_path!r} is no file and none of {', '.join(shipped_mappings())}{near}")
    try:
        with as_file(path) as file:
            return path.name, file.read_text(encoding="utf-8-sig"), path.parent
    except UnreadableFile as fault:
        raise UnknownMapping(str(fault)) from fault
    except UnicodeDecodeError as fault:
        raise UnknownMapping(f"{name_or_path!r} is not UTF-8") from fault


def _read_lookups(
    named: Mapping[str, Lookup], given: Mapping[str, Path], folder: Path
) -> tuple[dict[str, LookupTable], list[Fault]]:
    tables: dict[str, LookupTable] = {}
    faults = [
        Fault((), f"the mapping has no lookup called {name!r}{did_you_mean(name, named)}")
        for name in given
        if name not in named
    ]
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
