"""Definitions as submitted in a file or a request, and where in it each of them is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from catalogue.domain.versions import DefinitionKey, key_of
from shared.contracts.definitions import AnyDefinition
from shared.faults import Fault, LocatedFault, Path, TextPosition, listed, position_of


@dataclass(frozen=True, slots=True)
class SourcePath:
    """The path of a definition in the input. `moved` maps paths inside it to where they are written."""

    at: Path = ()
    moved: Mapping[Path, Path] = field(default_factory=dict)

    def in_input(self, fault: Fault) -> Fault:
        """A fault of the definition as one of the whole input."""
        for length in range(len(fault.path), 0, -1):
            if fault.path[:length] in self.moved:
                return Fault((*self.moved[fault.path[:length]], *fault.path[length:]), fault.message)
        return fault.below(*self.at)


@dataclass(frozen=True, slots=True)
class SubmittedDefinition:
    """A definition, and where in the input it is written."""

    definition: AnyDefinition
    source_path: SourcePath = field(default_factory=SourcePath)

    @property
    def key(self) -> DefinitionKey:
        return key_of(self.definition)


@dataclass(frozen=True, slots=True)
class Submission:
    """Definitions to be recorded together.

    `faults` are those already found while reading; `unreadable` is what the input defines but with faults, so that
    references to it are no faults. `positions` maps paths to where they begin in a text.
    """

    entries: Sequence[SubmittedDefinition]
    faults: Sequence[Fault] = ()
    unreadable: frozenset[DefinitionKey] = frozenset()
    positions: Mapping[Path, TextPosition] = field(default_factory=dict)

    def located(self, fault: Fault) -> LocatedFault:
        """`fault` with the position of its path, or of the nearest path around it."""
        return LocatedFault(fault, position_of(fault.path, self.positions))


class InvalidSubmission(Exception):
    """Nothing was recorded; `faults` is all that is wrong, in the order of the input."""

    def __init__(self, faults: Sequence[LocatedFault]) -> None:
        super().__init__("\n".join(listed(faults)))
        self.faults = tuple(faults)
