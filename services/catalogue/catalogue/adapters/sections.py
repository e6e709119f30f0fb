"""The sections of a partnership file as separate definitions, its shorthand expanded.

Values are as they were read and may be anything; each entry remembers where its parts were written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from catalogue.domain.agreements import MAX_TARGETS
from catalogue.domain.submission import SourcePath
from catalogue.domain.versions import PLURALS, DefinitionKey, Kind
from shared.faults import Fault, Path, did_you_mean

_SINGLE: tuple[Kind, ...] = ("provider", "partnership")
_LISTED: tuple[Kind, ...] = ("council", "calendar", "service", "index", "tariff")
_LISTS = (*(PLURALS[kind] for kind in _LISTED), "agreements")
_SECTIONS = ("about", "services_from", "target_sets", *_SINGLE, *_LISTS)

# Of one entry: every council in the United Kingdom with ten targets. Each is read, checked and recorded by itself.
_MAX_TARGETS_FOR_COUNCILS = 4000

Sections = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RawDefinition:
    """A definition as plain values, and where it is written."""

    kind: Kind
    value: Any
    source_path: SourcePath

    @property
    def key(self) -> DefinitionKey | None:
        """What it defines, where that much can be read."""
        name = self.value.get("id") if isinstance(self.value, dict) else None
        return DefinitionKey(self.kind, name) if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class TargetSet:
    """A named list of targets, as plain values."""

    targets: Sequence[Any]
    at: Path


def section_faults(sections: Sections) -> Iterator[Fault]:
    """What is wrong with the sections: unknown names, and values that are no lists."""
    for name in sections:
        if name not in _SECTIONS:
            yield Fault((name,), f"is no section of a partnership file{did_you_mean(name, _SECTIONS)}")
    for name in _LISTS:
        if not isinstance(sections.get(name, []), list):
            yield Fault((name,), "expected a list")
    sets = sections.get("target_sets", {})
    if not isinstance(sets, dict):
        yield Fault(("target_sets",), "expected names, each with a list of targets")
    elif wrong := [name for name, targets in sets.items() if not isinstance(targets, list)]:
        yield from (Fault(("target_sets", name), "expected a list of targets") for name in wrong)


def named_entries(sections: Sections, *base: str) -> Iterator[RawDefinition]:
    """Every definition but the agreements; paths begin with `base`."""
    for kind in _SINGLE:
        if kind in sections:
            yield RawDefinition(kind, sections[kind], SourcePath((*base, kind)))
    for kind in _LISTED:
        yield from (RawDefinition(kind, value, SourcePath(at)) for value, at in _listed(sections, PLURALS[kind], *base))


def target_sets(sections: Sections, *base: str) -> dict[str, TargetSet]:
    """The named lists of targets; paths begin with `base`."""
    sets = sections.get("target_sets")
    named = sets.items() if isinstance(sets, dict) else ()
    return {name: TargetSet(found, (*base, "target_sets", name)) for name, found in named if isinstance(found, list)}


def agreement_entries(sections: Sections, sets: Mapping[str, TargetSet]) -> Iterator[RawDefinition | Fault]:
    """One definition for each agreement and council, with the targets of its sets in place of their names."""
    for value, at in _listed(sections, "agreements"):
        if not isinstance(value, dict):
            yield RawDefinition("agreement", value, SourcePath(at))
            continue
        targets = value.get("targets")
        if not isinstance(targets, list):
            yield from _for_each_council(value, SourcePath(at))
            continue
        yield from _unknown_sets(targets, (*at, "targets"), sets)
        parts = list(islice(_expanded(targets, (*at, "targets"), sets), MAX_TARGETS + 1))
        moved: dict[Path, Path] = {("targets", index): origin for index, (_, origin) in enumerate(parts)}
        yield from _for_each_council(value | {"targets": [part for part, _ in parts]}, SourcePath(at, moved))


def _listed(sections: Sections, name: str, *base: str) -> list[tuple[Any, Path]]:
    values = sections.get(name)
    return [(value, (*base, name, i)) for i, value in enumerate(values)] if isinstance(values, list) else []


def _unknown_sets(targets: list[Any], at: Path, sets: Mapping[str, TargetSet]) -> Iterator[Fault]:
    for index, target in enumerate(targets):
        if isinstance(target, str) and target not in sets:
            yield Fault((*at, index), f"is no target set of this file{did_you_mean(target, sets)}")


def _expanded(targets: list[Any], at: Path, sets: Mapping[str, TargetSet]) -> Iterator[tuple[Any, Path]]:
    """Each target and where it is written, those of a set in place of its name."""
    for index, target in enumerate(targets):
        if not isinstance(target, str):
            yield target, (*at, index)
        elif target in sets:
            yield from ((part, (*sets[target].at, i)) for i, part in enumerate(sets[target].targets))


def _for_each_council(agreement: dict[str, Any], source_path: SourcePath) -> Iterator[RawDefinition | Fault]:
    if "councils" not in agreement:
        yield RawDefinition("agreement", agreement, source_path)
        return
    councils = agreement["councils"]
    if "council" in agreement:
        yield Fault((*source_path.at, "councils"), "is given beside council: write one of them")
    elif not isinstance(councils, list) or not councils:
        yield Fault((*source_path.at, "councils"), "expected a list of at least one council")
    elif len(councils) > (most := _MAX_TARGETS_FOR_COUNCILS // max(_count(agreement.get("targets")), 1)):
        yield Fault((*source_path.at, "councils"), f"expected at most {most} councils with so many targets")
    else:
        for index, council in enumerate(councils):
            of_one = {name: value for name, value in agreement.items() if name != "councils"}
            of_one |= {"id": _joined(agreement.get("id"), council), "council": council}
            moved = {**source_path.moved, ("council",): (*source_path.at, "councils", index)}
            yield RawDefinition("agreement", of_one, SourcePath(source_path.at, moved))


def _count(targets: object) -> int:
    return len(targets) if isinstance(targets, list) else 0


def _joined(name: object, council: object) -> object:
    return f"{name}-{council}" if isinstance(name, str) and isinstance(council, str) else name
