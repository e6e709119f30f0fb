"""Events of any type and any content that the contract allows, for Hypothesis."""

from datetime import UTC
from typing import Any

from hypothesis import strategies as st
from msgspec import inspect

from shared.contracts.envelope import Event

EXACT = 2**53  # integers that every JSON reader holds exactly


def events(type_: type[Event]) -> st.SearchStrategy[Event]:
    """Events of `type_`, with and without their optional fields."""
    return _values(inspect.type_info(type_))


def _values(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.Metadata(type=inner):
            return _values(inner)
        case inspect.StructType():
            return _structs(kind)
        case inspect.UnionType(types=types):
            return st.one_of([_values(each) for each in types])
        case inspect.VarTupleType(item_type=item, min_length=shortest):
            return st.lists(_values(item), min_size=shortest or 0, max_size=3).map(tuple)
        case inspect.DictType(key_type=key, value_type=value, min_length=shortest):
            return st.dictionaries(_values(key), _values(value), min_size=shortest or 0, max_size=3)
        case _:
            return _leaves(kind)


def _structs(kind: inspect.StructType) -> st.SearchStrategy[Any]:
    wanted = {field.name: _values(field.type) for field in kind.fields if field.required}
    optional = {field.name: _values(field.type) for field in kind.fields if not field.required}
    fields = st.fixed_dictionaries(wanted, optional=optional)
    if hasattr(kind.cls, "__post_init__"):  # of optional fields it wants at least one
        fields = fields.filter(bool)
    return fields.map(lambda given: kind.cls(**given))


def _leaves(kind: inspect.Type) -> st.SearchStrategy[Any]:
    match kind:
        case inspect.StrType(pattern=str(pattern)):
            return st.from_regex(pattern.replace(r"(?![\s\S])", r"\Z"))
        case inspect.StrType(min_length=shortest, max_length=longest):
            return st.text(min_size=shortest or 0, max_size=min(longest or 20, 20))
        case inspect.IntType(ge=least, le=most):
            return st.integers(-EXACT if least is None else least, EXACT if most is None else most)
        case inspect.LiteralType(values=values):
            return st.sampled_from(values)
        case _:
            return _PLAIN[type(kind)]


_PLAIN: dict[type[inspect.Type], st.SearchStrategy[Any]] = {
    inspect.DateTimeType: st.datetimes(timezones=st.just(UTC)),
    inspect.DateType: st.dates(),
    inspect.BoolType: st.booleans(),
    inspect.NoneType: st.none(),
}
