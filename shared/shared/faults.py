"""Faults of an input, as values: validation returns all of them, it never stops at the first."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple
from urllib.parse import quote, unquote

Path = tuple[str | int, ...]
# People mend the first of them and look again.
MAX_LISTED = 100
# Of names in a sentence.
_MAX_NAMED = 20
# Names are compared with all that are known: among more than these, that takes too long for a suggestion.
_MAX_COMPARED = 200


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


def repeats(values: Sequence[str]) -> list[int]:
    """The indexes of values that an earlier one equals."""
    first: dict[str, int] = {}
    return [index for index, value in enumerate(values) if first.setdefault(value, index) != index]


def listed(faults: Sequence[object]) -> list[str]:
    """The first `MAX_LISTED` as lines, and how many more there are."""
    more = len(faults) - MAX_LISTED
    return [*map(str, faults[:MAX_LISTED]), *([f"and {more:,} more"] if more > 0 else [])]


def first_of(names: Sequence[str]) -> str:
    """The first of the names in a row, and how many more there are."""
    more = len(names) - _MAX_NAMED
    return f"{', '.join(names[:_MAX_NAMED])} and {more:,} more" if more > 0 else ", ".join(names)


def path_of(pointer: str) -> Path:
    """The path that `Fault.pointer` wrote; a step of digits is an index."""
    steps = (unquote(step).replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])
    return tuple(int(step) if step.isascii() and step.isdecimal() else step for step in steps)


def position_of(path: Path, positions: Mapping[Path, TextPosition]) -> TextPosition | None:
    """The position of `path` in a text, or of the nearest path around it that has one."""
    around = (path[:length] for length in range(len(path), -1, -1))
    return next((positions[outer] for outer in around if outer in positions), None)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`: did you mean payroll?` where one of `known` is nearly `name`, otherwise nothing: the end of a message."""
    names = tuple(sorted(islice(known, _MAX_COMPARED + 1)))
    near = _nearest(name, names) if len(names) <= _MAX_COMPARED else None
    return f": did you mean {near}?" if near else ""


@lru_cache(maxsize=1024)  # a wrong name is often in many places
def _nearest(name: str, names: tuple[str, ...]) -> str | None:
    return next(iter(difflib.get_close_matches(name, names, n=1)), None)


def _escaped(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1").encode("utf-8", "replace").decode()
