"""Definitions as they come in, from a file or a request, and where each of them stands there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.domain.kinds import DefinitionKey, key_of
from shared.contracts.definitions import AnyDefinition
from shared.faults import Fault, LocatedFault, Path, TextPosition, position_of


@dataclass(frozen=True, slots=True)
class SourcePath:
    """The path to a definition in the input. `moved` leads from paths inside it to where they truly stand."""

    at: Path = ()
    moved: Mapping[Path, Path] = field(default_factory=dict)

    def outside(self, fault: Fault) -> Fault:
        """A fault of the definition as one of the whole input."""
        for length in range(len(fault.path), 0, -1):
            if fault.path[:length] in self.moved:
                return Fault((*self.moved[fault.path[:length]], *fault.path[length:]), fault.message)
        return fault.below(*self.at)


@dataclass(frozen=True, slots=True)
class SubmittedDefinition:
    """A definition, and where it stands in the input."""

    definition: AnyDefinition
    source_path: SourcePath = field(default_factory=SourcePath)

    @property
    def key(self) -> DefinitionKey:
        """What it defines."""
        return key_of(self.definition)


@dataclass(frozen=True, slots=True)
class Submission:
    """A set of definitions to be recorded together.

    `faults` are those already found while reading; `unreadable` is what was meant to be defined but could not be
    read: references to it are not wrong. `positions` says where in a text a path begins.
    """

    entries: Sequence[SubmittedDefinition]
    faults: Sequence[Fault] = ()
    unreadable: frozenset[DefinitionKey] = frozenset()
    positions: Mapping[Path, TextPosition] = field(default_factory=dict)

    def located(self, fault: Fault) -> LocatedFault:
        """`fault` with the place of its path, or of the nearest path around it."""
        return LocatedFault(fault, position_of(fault.path, self.positions))


class InvalidSubmission(Exception):
    """Nothing was recorded; `faults` is all that is wrong, in the order of the input."""

    def __init__(self, faults: Sequence[LocatedFault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = tuple(faults)
