"""What the quick look at an event's bytes accepts, the slow ones accept as well; and most events need no other look."""

import json
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.contracts.codec import UndecodableEvent, decode_event, encode_event
from shared.contracts.envelope import Event
from shared.contracts.items import TicketEvent, WorkEvent
from shared.contracts.schema import examples
from shared.contracts.usage import UsageEvent
from shared.json_values import strict_json
from shared.log.strictness import is_surely_strict, require_strictness
from tests.support.any_event import events
from tests.support.laws import law
from tests.support.poison import GOOD

PROVIDED: tuple[type[Event], ...] = get_args(TicketEvent | WorkEvent | UsageEvent)
DEFAULTED = {"specversion", "datacontenttype"}  # what an event shows whether it was sent or not
UNKNOWN = [
    ("x", "y"),
    ("x", ""),
    ("x", {"council": "ashby"}),
    ("specversion", "1.0"),
    ("units", "1"),
    ("", [1e9, ["x"]]),
]


def surely(value: bytes) -> bool:
    return is_surely_strict(value, decode_event(value))


@st.composite
def sent(draw: st.DrawFn) -> bytes:
    """An event as somebody may write it: in any order, with members doubled, unknown, left out or as by default."""
    kind = draw(st.sampled_from(PROVIDED))
    any_event = events(kind).map(encode_event).map(json.loads)
    plain = draw(any_event | st.just(examples()[str(kind.__struct_config__.tag)]))
    defaults = {each.name: each.default for each in structs.fields(get_type_hints(kind)["data"]) if not each.required}
    explicit = {name: each for name, each in defaults.items() if isinstance(each, str | None) and draw(st.booleans())}
    writer = Writer(draw, draw(st.sampled_from(["", " ", "\t\r\n"])), escaping=draw(st.booleans()))
    return writer.written({**plain, "data": {**explicit, **plain["data"]}}).encode()


class Writer:
    """Writes JSON that need not be strict, with `space` wherever some may be."""

    def __init__(self, draw: st.DrawFn, space: str, *, escaping: bool) -> None:
        self._draw, self._space, self._escaping = draw, space, escaping

    def written(self, value: Any) -> str:
        if not isinstance(value, dict):
            return json.dumps(value, ensure_ascii=self._escaping)
        members = [member for member in value.items() if member[0] not in DEFAULTED or self._draw(st.booleans())]
        members += self._draw(st.lists(st.sampled_from([*members, *UNKNOWN]), max_size=2))
        written = [self._member(*member) for member in self._draw(st.permutations(members))]
        return "{" + self._space + f"{self._space},".join(written) + "}"

    def _member(self, name: str, value: Any) -> str:
        escaped = self._escaping and name and self._draw(st.integers(0, 9)) == 0
        shown = f'"\\u{ord(name[0]):04x}{name[1:]}"' if escaped else json.dumps(name)
        return f"{shown}{self._space}:{self._space}{self.written(value)}"


@law
@given(sent())
def test_what_is_seen_to_be_strict_at_once_is_strict_by_both_slow_readers(value: bytes) -> None:
    try:
        at_once = surely(value)
    except UndecodableEvent:
        return

    if at_once:
        require_strictness(value)
        strict_json(value)


@law
@given(st.sampled_from(PROVIDED).flatmap(events), st.sampled_from([None, 1]))
def test_an_event_of_a_provider_without_escapes_is_seen_to_be_strict_at_once(event: Event, indent: int | None) -> None:
    compact = encode_event(event)
    spaced = json.dumps(json.loads(compact), indent=indent, ensure_ascii=False).encode()

    assert surely(compact) == surely(spaced) == (b"\\" not in compact)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # What was left out has as many quotation marks as what is there twice.
        ('"specversion":"1.0"', '"council":"ashby"'),
        ('"datacontenttype":"application/json"', '"subject":"inv-1"'),
        ('"datacontenttype":"application/json"', '"specversion":"1.0"'),
        ('"units":"3"', '"outcome":"done","outcome":"done"'),
        ('"units":"3"', '"outcome":"done","note":"x"'),
        ('"data":{', '"data":{"outcome":"bad"},"data":{'),
        ('"specversion":"1.0",', '"x":{"specversion":"1.0"},'),
        ('"council":"ashby"', '"council" :"bexhill","council" :"ashby"'),
        ('"council":"ashby"', '"council":"ashby","x":1e999'),
    ],
)
def test_what_is_left_out_makes_no_room_for_what_is_doubled_or_unknown(old: str, new: str) -> None:
    assert old.encode() in GOOD
    assert surely(GOOD)

    assert not surely(GOOD.replace(old.encode(), new.encode()))


@pytest.mark.parametrize("kind", PROVIDED, ids=lambda kind: kind.__name__)
def test_the_example_of_each_event_of_a_provider_is_seen_to_be_strict_at_once(kind: type[Event]) -> None:
    assert surely(json.dumps(examples()[str(kind.__struct_config__.tag)]).encode())
