"""Faults of an input, as values: validation returns all of them, it never stops at the first."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote

Path = tuple[str | int, ...]


class TextPosition(NamedTuple):
    """A line and a column of a text, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong with an input, and the keys and indexes that lead there."""

    path: Path
    message: str

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer in a URI fragment (RFC 6901, section 6): `#/targets/0/within`."""
        return "#" + "".join("/" + quote(_escaped(step), safe="~!$&'()*+,;=:@") for step in self.path)

    def below(self, *prefix: str | int) -> "Fault":
        """The same fault in a larger input that has this one at `prefix`."""
        return Fault((*prefix, *self.path), self.message)

    def __str__(self) -> str:
        return f"{self.pointer}: {self.message}"


@dataclass(frozen=True, slots=True)
class LocatedFault:
    """A fault, and its position where the input is a text."""

    fault: Fault
    position: TextPosition | None

    def __str__(self) -> str:
        return f"{self.position}: {self.fault}" if self.position else str(self.fault)


def position_of(path: Path, positions: Mapping[Path, TextPosition]) -> TextPosition | None:
    """The position of `path` in a text, or of the nearest path around it that has one."""
    around = (path[:length] for length in range(len(path), -1, -1))
    return next((positions[outer] for outer in around if outer in positions), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`: did you mean payroll?` where one of `known` is nearly `name`, otherwise nothing: the end of a message."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]}?" if near else ""


def _escaped(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()
