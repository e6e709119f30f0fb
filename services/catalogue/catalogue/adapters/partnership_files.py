"""Partnership files: a partnership's councils, calendars, services, tariffs and agreements in one YAML text.

docs/partnership-files.md describes the format. Its shorthand (the shipped services, named sets of targets, one
agreement for several councils) is expanded here; every fault still points to where it is written.
"""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path as FilePath

import msgspec

from catalogue.adapters.sections import (
    RawDefinition,
    Sections,
    TargetSet,
    agreement_entries,
    named_entries,
    section_faults,
    target_sets,
)
from catalogue.domain.submission import Submission, SubmittedDefinition
from catalogue.domain.versions import DEFINITION_TYPES, DefinitionKey
from shared.contracts.definitions import Target
from shared.contracts.target_rules import target_faults
from shared.faults import Fault, TextPosition
from shared.validation import InvalidValue, validated, value_faults
from shared.yaml_values import YamlValues, read_yaml

MAX_FILE_BYTES = 4_194_304
_EXAMPLES = files("catalogue").joinpath("examples")
# What `services_from` may name, and the shipped file that it stands for.
_INCLUDED = {"standard": "standard-services"}


class UnknownPartnershipFile(Exception):
    """There is no such file, and no shipped example of that name."""


class FileDescription(msgspec.Struct, frozen=True):
    """What a file's `about` says to its readers; it is no part of any definition."""

    title: str = ""
    illustrative: str = ""
    sources: tuple[str, ...] = ()


def example_names() -> list[str]:
    """The names of the shipped files, which `load` takes."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _EXAMPLES.iterdir() if entry.name.endswith(".yaml"))


def load(name_or_path: str) -> Submission:
    """The shipped example of that name, or else the file at that path; raises `UnknownPartnershipFile`."""
    if name_or_path in example_names():
        return parse(_EXAMPLES.joinpath(f"{name_or_path}.yaml").read_bytes())
    path = FilePath(name_or_path)
    if not path.is_file():
        raise UnknownPartnershipFile(f"{name_or_path} is no file and none of: {', '.join(example_names())}")
    return parse(path.read_bytes())


def parse(raw: bytes) -> Submission:
    """The definitions in a file's bytes, as far as they can be read, with every fault found in reading."""
    values = _values(raw)
    positions = {(): TextPosition(1, 1)} | values.positions
    sections = values.value
    if not isinstance(sections, dict):
        faults = values.faults or [Fault((), "expected named sections, as in the shipped examples")]
        return Submission((), faults, positions=positions)
    about_faults = [fault.below("about") for fault in value_faults(sections.get("about", {}), FileDescription)]
    read = _submission(sections)
    faults = [*values.faults, *section_faults(sections), *about_faults, *read.faults]
    return Submission(read.entries, faults, read.unreadable, positions)


def _values(raw: bytes) -> YamlValues:
    if len(raw) > MAX_FILE_BYTES:
        return YamlValues(faults=[Fault((), f"is longer than {MAX_FILE_BYTES} bytes")])
    try:
        return read_yaml(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return YamlValues(faults=[Fault((), "is not UTF-8")])


def _submission(sections: Sections) -> Submission:
    inherited, faults = _inherited(sections.get("services_from"))
    own_sets = target_sets(sections)
    faults += _set_faults(own_sets)
    sets = target_sets(inherited, "services_from") | own_sets
    own: list[RawDefinition] = []
    for entry in (*named_entries(sections), *agreement_entries(sections, sets)):
        if isinstance(entry, Fault):
            faults.append(entry)
        else:
            own.append(entry)
    # What the file itself defines replaces what it inherits.
    redefined = {entry.key for entry in own}
    kept = (entry for entry in named_entries(inherited, "services_from") if entry.key not in redefined)
    return _validated([*kept, *own], faults)


def _validated(entries: list[RawDefinition], faults: list[Fault]) -> Submission:
    valid: list[SubmittedDefinition] = []
    unreadable: set[DefinitionKey] = set()
    for entry in entries:
        try:
            valid.append(SubmittedDefinition(validated(entry.value, DEFINITION_TYPES[entry.kind]), entry.source_path))
        except InvalidValue as refused:
            faults += map(entry.source_path.in_input, refused.faults)
            unreadable |= {entry.key} if entry.key else set()
    return Submission(valid, faults, frozenset(unreadable))


def _inherited(name: object) -> tuple[Sections, list[Fault]]:
    if name is None:
        return {}, []
    if not isinstance(name, str) or name not in _INCLUDED:
        return {}, [Fault(("services_from",), f"expected one of {', '.join(_INCLUDED)}")]
    return _values(_EXAMPLES.joinpath(f"{_INCLUDED[name]}.yaml").read_bytes()).value, []


def _set_faults(sets: Mapping[str, TargetSet]) -> Iterator[Fault]:
    """Faults of targets by themselves, also of a set that no agreement names."""
    for named in sets.values():
        for index, value in enumerate(named.targets):
            try:
                faults = list(target_faults(validated(value, Target)))
            except InvalidValue as refused:
                faults = refused.faults
            yield from (fault.below(*named.at, index) for fault in faults)
