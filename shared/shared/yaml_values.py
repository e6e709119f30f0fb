"""YAML as plain values and the position of each: what JSON can say, and nothing else.

Only null, true, false and decimal numbers are read as such; all else is text, so that `16:00`, `no` and `2026-04-01`
stay as written. With `as_text`, everything is text. Repeated keys, aliases and tags are faults.
"""

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from shared.faults import Fault, Path, TextPosition

_TAG = "tag:yaml.org,2002:"
# YAML 1.2.2, section 10.2.1: the JSON schema; `~` and nothing at all are null, as in section 10.3.
_SCALARS = {
    "null": (re.compile(r"(?:null|~|)\Z"), ["n", "~", ""]),
    "bool": (re.compile(r"(?:true|false)\Z"), ["t", "f"]),
    "int": (re.compile(r"-?(?:0|[1-9][0-9]{0,18})\Z"), list("-0123456789")),
    "float": (re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+\Z"), list("-0123456789")),
}


class _TextLoader(yaml.SafeLoader):
    """Composes nodes whose scalars are text, whatever they look like."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, Any]]] = {}  # noqa: RUF012 (PyYAML's own attribute)

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node; aliases are refused, since a few of them can expand to gigabytes."""
        if self.check_event(yaml.AliasEvent):
            at = self.get_event().start_mark  # type: ignore[no-untyped-call]  # types-PyYAML leaves it untyped
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=at)
        return super().compose_node(parent, index)


class _JsonLoader(_TextLoader):
    """Composes nodes whose scalars are resolved by `_SCALARS` alone."""


for _name, (_pattern, _first) in _SCALARS.items():
    _JsonLoader.add_implicit_resolver(_TAG + _name, _pattern, _first)


@dataclass(slots=True)
class YamlValues:
    """The value of a text, the position of every path in it, and the faults found in reading."""

    value: Any = None
    positions: dict[Path, TextPosition] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def read_yaml(text: str, *, as_text: bool = False) -> YamlValues:
    """The one document of `text`; without a value, and with one fault, where it is no YAML."""
    values = YamlValues()
    try:
        node = yaml.compose(text, Loader=_TextLoader if as_text else _JsonLoader)
    except yaml.MarkedYAMLError as fault:
        values.positions[()] = _position_of(fault.problem_mark)
        values.faults.append(Fault((), f"is not YAML: {fault.problem}"))
    except yaml.reader.ReaderError as fault:
        values.positions[()] = TextPosition(text.count("\n", 0, fault.position) + 1, 1)
        values.faults.append(Fault((), "is not YAML: it contains a character that YAML does not allow"))
    except RecursionError:
        values.positions[()] = TextPosition(1, 1)
        values.faults.append(Fault((), "is nested too deeply"))
    else:
        values.positions[()] = _position_of(node.start_mark if node is not None else None)
        values.value = _value(node, (), values) if node is not None else None
    return values


def _value(node: yaml.Node, at: Path, values: YamlValues) -> Any:
    values.positions.setdefault(at, _position_of(node.start_mark))
    match node:
        case yaml.MappingNode():
            return _mapping(node, at, values)
        case yaml.SequenceNode():
            return [_value(entry, (*at, index), values) for index, entry in enumerate(node.value)]
        case _:
            return _scalar(node, at, values)


def _mapping(node: yaml.MappingNode, at: Path, values: YamlValues) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, entry in node.value:
        path = (*at, str(key.value))
        if not isinstance(key, yaml.ScalarNode):
            values.faults.append(Fault(at, "has a key that is not text"))
        elif key.value in found:
            values.positions[*path, "again"] = _position_of(key.start_mark)
            first = values.positions[path].line
            values.faults.append(Fault((*path, "again"), f"is a repeated key: it is on line {first} already"))
        else:
            values.positions[path] = _position_of(key.start_mark)
            found[key.value] = _value(entry, path, values)
    return found


def _scalar(node: yaml.Node, at: Path, values: YamlValues) -> Any:
    match node.tag.removeprefix(_TAG):
        case "str":
            return node.value
        case "null":
            return None
        case "bool":
            return node.value == "true"
        case "int" if _SCALARS["int"][0].match(node.value):
            return int(node.value)
        case "float" if _SCALARS["float"][0].match(node.value):
            return float(node.value)
        case _:
            values.faults.append(Fault(at, "has a tag: only plain values are read"))
            return None


def _position_of(mark: yaml.Mark | None) -> TextPosition:
    return TextPosition(mark.line + 1, mark.column + 1) if mark is not None else TextPosition(1, 1)
