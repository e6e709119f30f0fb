"""Validation of plain values (from JSON or YAML) as a contract's type: every fault, where msgspec names the first.

msgspec decides: it converts each leaf, so that a value without faults always converts.
Messages say what was expected and never repeat what was given.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from shared.faults import Fault, Path, did_you_mean, listed

T = TypeVar("T")
# A type annotation as `typing` shows it at run time; it has no narrower static type.
Annotation = Any

_EXPECTED = {date: "a date like 2026-04-01", datetime: "an instant like 2026-04-01T09:00:00Z"}
# PostgreSQL stores no NUL, and UTF-8 has no lone surrogates.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class InvalidValue(ValueError):
    """The value is not of the expected type; `faults` is all that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(listed(faults)))
        self.faults = faults


def validated(value: object, expected: type[T]) -> T:
    """`value` as an `expected`; raises `InvalidValue` with all faults."""
    faults = value_faults(value, expected)
    if faults:
        raise InvalidValue(faults)
    return msgspec.convert(value, expected, str_keys=True)


def value_faults(value: object, expected: Annotation) -> list[Fault]:
    """All that keeps `value` from being an `expected`; none means that it converts."""
    return list(_faults(value, expected, ()))


def _faults(value: object, expected: Annotation, at: Path) -> Iterator[Fault]:
    origin: Annotation = get_origin(expected)
    arguments = get_args(expected)
    if origin is Annotated and (get_origin(arguments[0]) is not None or _is_struct(arguments[0])):
        yield from _length_faults(value, expected, at)
        yield from _faults(value, arguments[0], at)
    elif origin in {Union, UnionType}:
        yield from _union_faults(value, arguments, at)
    elif origin is tuple:
        yield from _items_faults(value, arguments[0], at)
    elif origin is dict:
        yield from _mapping_faults(value, *arguments, at=at)
    elif _is_struct(origin or expected):
        yield from _struct_faults(value, expected, at)
    else:
        yield from _leaf_faults(value, expected, at)


def _is_struct(expected: Annotation) -> bool:
    return isinstance(expected, type) and issubclass(expected, msgspec.Struct)


def _struct_faults(value: object, expected: type[msgspec.Struct], at: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(at, "expected an object with named fields")
        return
    found = list(_fields_faults(value, expected, at))
    if not found and hasattr(expected, "__post_init__"):
        found = _faults_of_the_whole(value, expected, at)
    yield from found


def _faults_of_the_whole(value: dict[object, object], expected: type[msgspec.Struct], at: Path) -> list[Fault]:
    """What the type itself says of fields that are right one by one."""
    try:
        msgspec.convert(value, expected, str_keys=True)
    except msgspec.ValidationError as refused:
        return [Fault(at, str(refused))]
    return []


def _fields_faults(value: dict[Any, Any], expected: type[msgspec.Struct], at: Path) -> Iterator[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(expected)}
    config = _config(expected)
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, (*at, name))
        elif field.required:
            yield Fault((*at, name), "is missing")
    if config.forbid_unknown_fields:
        yield from (
            Fault((*at, str(name)), f"is not a known field{did_you_mean(str(name), fields)}")
            for name in value.keys() - {*fields, config.tag_field}
        )


def _union_faults(value: object, options: tuple[Annotation, ...], at: Path) -> Iterator[Fault]:
    if value is None and NoneType in options:
        return
    real = [option for option in options if option not in {NoneType, msgspec.UnsetType}]
    if len(real) > 1 and all(get_origin(option) is Annotated for option in real):
        # A number or a text, each of its own form.
        chosen = [option for option in real if (get_args(option)[0] is str) == isinstance(value, str)]
        real = chosen[:1] or real[:1]
    structs = [option for option in real if _is_struct(get_origin(option) or option)]
    if len(real) == 2 and len(structs) == 1:
        # Written out, or its name.
        real = structs if isinstance(value, dict) else [option for option in real if option not in structs]
    if len(real) == 1:
        yield from _faults(value, real[0], at)
        return
    tag_field = _config(real[0]).tag_field
    tagged = {_config(option).tag: option for option in real}
    tag = value.get(tag_field) if isinstance(value, dict) else None
    if isinstance(tag, str) and tag in tagged:
        yield from _faults(value, tagged[tag], at)
    else:
        yield Fault((*at, tag_field), f"expected one of {', '.join(tagged)}")


def _config(struct: Any) -> Any:
    """The msgspec settings of a struct; a generic one with its parameters has them in its origin only."""
    origin: Annotation = get_origin(struct)
    return (struct if origin is None else origin).__struct_config__


def _items_faults(value: object, item: Annotation, at: Path) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault(at, "expected a list")
        return
    for index, entry in enumerate(value):
        yield from _faults(entry, item, (*at, index))


def _mapping_faults(value: object, key: Annotation, item: Annotation, *, at: Path) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield Fault(at, "expected an object")
        return
    for name, entry in value.items():
        yield from _leaf_faults(name, key, (*at, str(name)), what="the key: ")
        yield from _faults(entry, item, (*at, str(name)))


def _length_faults(value: object, expected: Annotation, at: Path) -> Iterator[Fault]:
    if not isinstance(value, list | dict):
        return
    for meta in expected.__metadata__:
        if meta.min_length is not None and len(value) < meta.min_length:
            yield Fault(at, f"expected at least {meta.min_length}")
        if meta.max_length is not None and len(value) > meta.max_length:
            yield Fault(at, f"expected at most {meta.max_length}")


def _leaf_faults(value: object, expected: Annotation, at: Path, *, what: str = "") -> Iterator[Fault]:
    if isinstance(value, str) and _UNSTORABLE.search(value):
        yield Fault(at, f"{what}expected text without NUL or lone surrogates")
        return
    try:
        msgspec.convert(value, expected)
    except msgspec.ValidationError as refused:
        yield Fault(at, f"{what}expected {_expectation(expected, refused)}{_quotes(value, expected)}")


def _expectation(expected: Annotation, refused: msgspec.ValidationError) -> str:
    if _is(expected, Literal):
        return "one of " + ", ".join(map(str, get_args(expected)))
    described = [meta.description for meta in getattr(expected, "__metadata__", ()) if meta.description]
    plain = str(refused).removeprefix("Expected ").replace("`", "")
    return described[0] if described else _EXPECTED.get(expected, plain)


def _quotes(value: object, expected: Annotation) -> str:
    bare = get_args(expected)[0] if _is(expected, Annotated) else expected
    return " (text: put it in quotes)" if bare is str and isinstance(value, int | float) else ""


def _is(expected: Annotation, form: Annotation) -> bool:
    return get_origin(expected) is form
