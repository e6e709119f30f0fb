"""Whether the bytes of an event can be read in one way only: no member twice, no NUL, no bad text where nobody looks.

A typed decode keeps quiet about a member that is there twice, and does not look at members that it does not know. A
second decode finds both, but costs nearly as much as the first, and most events need none. Where no text is escaped,
each quotation mark begins or ends a text. If there are no more of them than the event's own members need, then no other
member was sent, for it would have a name.
"""

from collections.abc import Callable
from datetime import date
from functools import cache
from operator import attrgetter
from typing import get_type_hints

import msgspec
from msgspec import Struct, inspect, structs

from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import CONTENT_TYPE_NOT_SENT, VERSION_NOT_SENT
from shared.json_values import NotStrictJson, strict_json

_QUOTE, _BACKSLASH = b'"'[0], b"\\"[0]
_NUL = rb"\u0000"  # JSON has no other way to write it
# The quotation marks of a member's name, of a text, and of a member whose value is a text.
_NAME, _TEXT, _MEMBER = 2, 2, 4


def require_strictness(value: bytes) -> None:
    """Raises `NotStrictJson` unless `value`, which decodes as an event, can be read in one way only."""
    if _NUL in value:
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
    return more == 0 or more == _optional_quotes(event, form)


class _Form(Struct, frozen=True):
    """The quotation marks that no event of a type can do without, and its optional members but for the two above.

    The defaults are the very objects that decoding puts where a member was not sent.
    """

    required_quotes: int
    optional: Callable[[object], tuple[object, ...]]
    defaults: tuple[object, ...]


@cache
def _form_of(kind: type[AnyEvent]) -> _Form:
    data = get_type_hints(kind)["data"]
    defaults = {field.name: field.default for field in structs.fields(kind) if not field.required}
    del defaults["specversion"], defaults["datacontenttype"]
    defaults |= {f"data.{field.name}": field.default for field in structs.fields(data) if not field.required}
    required = _MEMBER + _least_quotes(inspect.type_info(kind))  # the type is a member, too
    return _Form(required, attrgetter(*defaults), tuple(defaults.values()))


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


def _optional_quotes(event: AnyEvent, form: _Form) -> int:
    quotes = 0
    for value, default in zip(form.optional(event), form.defaults, strict=False):
        if value is not default:
            quotes += _MEMBER if type(value) is str else _quotes_of(value)
    return quotes


def _quotes_of(value: object) -> int:
    """The quotation marks of a member that has `value`, at least."""
    match value:
        case dict():  # an empty mapping may stand for none
            return _NAME * bool(value) + sum(_NAME + _TEXT * isinstance(each, str) for each in value.values())
        case str() | date():
            return _MEMBER
        case int() | None:
            return _NAME
        case _:
            return 0
