"""YAML that remembers its lines: what a person wrote, as text, with the line of every value.

Scalars stay text ("no" is not False, 2015-01-01 is not a date): whoever validates them says what they ought to be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import yaml

Plain = str | list["Plain"] | dict[str, "Plain"]
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing wrong, and the line it is on."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class NotYaml(ValueError):
    """The text is not YAML, or says one thing twice; `faults` are all that were found."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Lined:
    """The content of a YAML text, and the line of each place in it."""

    content: Plain
    lines: Mapping[Place, int]

    def line_of(self, place: Place) -> int:
        """The line of `place`; of the nearest place around it where it is not there itself."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(text: str) -> Lined:
    """The content of `text` with its lines; raises `NotYaml`."""
    try:
        # A few aliases can stand for gigabytes, or hold themselves.
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise NotYaml([Fault(_line(event.start_mark), "aliases are not read: write it out")])
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as fault:
        raise NotYaml([Fault(_line(fault.problem_mark), f"this is not YAML: {fault.problem}")]) from fault
    except yaml.reader.ReaderError as fault:
        raise NotYaml([Fault(text.count("\n", 0, fault.position) + 1, "this is no text")]) from fault
    except RecursionError as fault:
        raise NotYaml([Fault(1, "this is nested too deeply")]) from fault
    lines: dict[Place, int] = {}
    faults: list[Fault] = []
    content: Plain = "" if root is None else _plain(root, (), lines, faults)
    if faults:
        raise NotYaml(sorted(faults))
    return Lined(content, lines)


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int], faults: list[Fault]) -> Plain:
    lines.setdefault(place, _line(node.start_mark))
    match node:
        case yaml.ScalarNode():
            return str(node.value)
        case yaml.SequenceNode():
            return [_plain(part, (*place, index), lines, faults) for index, part in enumerate(node.value)]
        case yaml.MappingNode():
            return _entries(node, place, lines, faults)
        case _:
            raise AssertionError(f"YAML has no other kind of node than {node!r}")


def _entries(node: yaml.MappingNode, place: Place, lines: dict[Place, int], faults: list[Fault]) -> Plain:
    entries: dict[str, Plain] = {}
    for key, value in node.value:
        line, name = _line(key.start_mark), str(key.value)
        if name in entries:
            faults.append(Fault(line, f"{name!r} is written twice; it was on line {lines[*place, name]}"))
            continue
        lines[*place, name] = line
        entries[name] = _plain(value, (*place, name), lines, faults)
    return entries


class _Mark(Protocol):
    """Where PyYAML saw something, whichever of its parsers saw it; lines count from 0."""

    @property
    def line(self) -> int: ...


def _line(mark: _Mark | None) -> int:
    return mark.line + 1 if mark is not None else 1
