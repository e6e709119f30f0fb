"""The sections of a partnership file as separate definitions, its shorthand written out.

Values are as they were read and may be anything; each entry remembers where its parts were written.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalogue.domain.submission import SourcePath
from catalogue.domain.versions import PLURALS, DefinitionKey, Kind
from shared.faults import Fault, Path, did_you_mean

_SINGLE: tuple[Kind, ...] = ("provider", "partnership")
_LISTED: tuple[Kind, ...] = ("council", "calendar", "service", "tariff")
_LISTS = (*(PLURALS[kind] for kind in _LISTED), "agreements")
_SECTIONS = ("about", "services_from", "target_sets", *_SINGLE, *_LISTS)

Sections = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RawDefinition:
    """A definition as plain values, and where it was written."""

    kind: Kind
    value: Any
    source_path: SourcePath

    @property
    def key(self) -> DefinitionKey | None:
        """What it means to define, where that much can be read."""
        name = self.value.get("id") if isinstance(self.value, dict) else None
        return DefinitionKey(self.kind, name) if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class TargetSet:
    """A named list of targets, as plain values."""

    targets: Sequence[Any]
    at: Path


def section_faults(sections: Sections) -> Iterator[Fault]:
    """What is wrong with the sections themselves: their names, and lists that are none."""
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
    """Every definition but the agreements. Paths begin at `base`."""
    for kind in _SINGLE:
        if kind in sections:
            yield RawDefinition(kind, sections[kind], SourcePath((*base, kind)))
    for kind in _LISTED:
        yield from (RawDefinition(kind, value, SourcePath(at)) for value, at in _listed(sections, PLURALS[kind], *base))


def target_sets(sections: Sections, *base: str) -> dict[str, TargetSet]:
    """The named lists of targets. Paths begin at `base`."""
    sets = sections.get("target_sets")
    named = sets.items() if isinstance(sets, dict) else ()
    return {name: TargetSet(found, (*base, "target_sets", name)) for name, found in named if isinstance(found, list)}


def agreement_entries(sections: Sections, sets: Mapping[str, TargetSet]) -> Iterator[RawDefinition | Fault]:
    """One entry for each agreement and council, the targets of its sets in place of their names."""
    for value, at in _listed(sections, "agreements"):
        if isinstance(value, dict):
            yield from _unknown_sets(value, at, sets)
            targets, moved = _written_out(value, at, sets)
            yield from _for_each_council(value | targets, SourcePath(at, moved))
        else:
            yield RawDefinition("agreement", value, SourcePath(at))


def _listed(sections: Sections, name: str, *base: str) -> list[tuple[Any, Path]]:
    values = sections.get(name)
    return [(value, (*base, name, i)) for i, value in enumerate(values)] if isinstance(values, list) else []


def _unknown_sets(agreement: Sections, at: Path, sets: Mapping[str, TargetSet]) -> Iterator[Fault]:
    targets = agreement.get("targets")
    for index, target in enumerate(targets if isinstance(targets, list) else ()):
        if isinstance(target, str) and target not in sets:
            yield Fault((*at, "targets", index), f"is no target set of this file{did_you_mean(target, sets)}")


def _written_out(
    agreement: Sections, at: Path, sets: Mapping[str, TargetSet]
) -> tuple[dict[str, list[Any]], dict[Path, Path]]:
    targets = agreement.get("targets")
    if not isinstance(targets, list):
        return {}, {}
    written: list[Any] = []
    moved: dict[Path, Path] = {}
    for index, target in enumerate(targets):
        if isinstance(target, str):
            named = sets.get(target, TargetSet((), at))
            parts = [(part, (*named.at, i)) for i, part in enumerate(named.targets)]
        else:
            parts = [(target, (*at, "targets", index))]
        for part, origin in parts:
            moved["targets", len(written)] = origin
            written.append(part)
    return {"targets": written}, moved


def _for_each_council(agreement: dict[str, Any], source_path: SourcePath) -> Iterator[RawDefinition | Fault]:
    if "councils" not in agreement:
        yield RawDefinition("agreement", agreement, source_path)
        return
    councils = agreement.pop("councils")
    if "council" in agreement:
        yield Fault((*source_path.at, "councils"), "stands beside council: write one of them")
    elif not isinstance(councils, list) or not councils:
        yield Fault((*source_path.at, "councils"), "expected a list of at least one council")
    else:
        for index, council in enumerate(councils):
            of_one = agreement | {"id": _joined(agreement.get("id"), council), "council": council}
            yield RawDefinition(
                "agreement",
                of_one,
                SourcePath(source_path.at, {**source_path.moved, ("council",): (*source_path.at, "councils", index)}),
            )


def _joined(name: object, council: object) -> object:
    return f"{name}-{council}" if isinstance(name, str) and isinstance(council, str) else name
