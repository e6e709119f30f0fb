"""Whether the bytes of an event can be read in one way only: no member twice, no NUL, no bad text where nobody looks.

A typed decode keeps quiet about a member that is there twice, and does not look at members that it does not know. A
second decode finds both, but costs nearly as much as the first, and most events need none. Where no text is escaped,
each quotation mark begins or ends a text. If there are no more of them than the event's own members need, then no other
member was sent, for it would have a name.
"""

import re
from datetime import date
from functools import cache
from typing import Any, get_type_hints

import msgspec
from msgspec import UNSET, Struct, inspect, structs

from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import CONTENT_TYPE_NOT_SENT, VERSION_NOT_SENT, ItemEvent
from shared.json_values import NotStrictJson, strict_json

_QUOTE, _BACKSLASH = b'"'[0], b"\\"[0]
# JSON has no other way to write it. After an escaped backslash it is the five characters and no NUL.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# The quotation marks of a member's name, of a text, and of a member whose value is a text.
_NAME, _TEXT, _MEMBER = 2, 2, 4


def require_strictness(value: bytes) -> None:
    """Raises `NotStrictJson` unless `value`, which decodes as an event, can be read in one way only."""
    if _NUL.search(value):
        raise NotStrictJson("a text holds the character NUL, which databases refuse")
    try:
        again = msgspec.json.encode(msgspec.json.decode(value))
        # What comes out as it went in, but for spaces, cannot have lost a doubled key.
        if again == value or again == msgspec.json.format(value, indent=-1):
            return
    except msgspec.ValidationError as fault:  # without a type to decode to, only a number can be invalid
        raise NotStrictJson("a number is out of range") from fault
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the slow reader words the fault
    strict_json(value)


def is_surely_strict(value: bytes, event: AnyEvent) -> bool:
    """Whether `value` is seen at once to hold the members that `event` shows, each once and unescaped, and no other.

    `event` must have been decoded from `value`. Only a member that was sent for certain is counted, so that False says
    nothing: `require_strictness` has to look.
    """
    if _BACKSLASH in value:
        return False
    form = _form_of(type(event))
    more = value.count(_QUOTE) - form.required_quotes
    if event.specversion is not VERSION_NOT_SENT:
        more -= _MEMBER
    if event.datacontenttype is not CONTENT_TYPE_NOT_SENT:
        more -= _MEMBER
    return more == 0 or (isinstance(event, ItemEvent) and more == _optional_quotes(event, form))


class _Form(Struct, frozen=True):
    """What no event of a type can do without, in quotation marks, and the optional members of its data.

    Each has with it the very object that decoding puts where it was not sent.
    """

    required_quotes: int
    optional: tuple[tuple[str, object], ...]


@cache
def _form_of(kind: type[AnyEvent]) -> _Form:
    data = structs.fields(get_type_hints(kind)["data"])
    required = _MEMBER + _least_quotes(inspect.type_info(kind))  # the type is a member, too
    return _Form(required, tuple((field.name, field.default) for field in data if not field.required))


def _least_quotes(kind: inspect.Type) -> int:
    match kind:
        case inspect.Metadata(type=inner):
            return _least_quotes(inner)
        case inspect.StructType(fields=fields):
            return sum(_NAME + _least_quotes(field.type) for field in fields if field.required)
        case inspect.StrType() | inspect.DateTimeType() | inspect.DateType():
            return _TEXT
        case inspect.LiteralType(values=values) if all(isinstance(value, str) for value in values):
            return _TEXT
        case _:
            return 0


def _optional_quotes(event: Any, form: _Form) -> int:
    """The quotation marks of an item event's optional members that were sent for certain, but for the two above."""
    missing = (event.dataschema, event.partitionkey, event.traceparent, event.sequence).count(UNSET)
    quotes = _MEMBER * (4 - missing)
    for name, default in form.optional:
        value = getattr(event.data, name)
        if value is not default:
            quotes += _MEMBER if type(value) is str else _quotes_of(value)
    return quotes


def _quotes_of(value: object) -> int:
    """The quotation marks of a member that has `value`, at least."""
    match value:
        case dict():  # an empty mapping may stand for none
            return _NAME + sum(_NAME + _TEXT * isinstance(each, str) for each in value.values()) if value else 0
        case str() | date():
            return _MEMBER
        case int() | None:
            return _NAME
        case _:
            return 0
