"""What is written is what is read, for every type of event."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.codec import UndecodableEvent, decode_event, encode_event
from shared.contracts.schema import event_types
from tests.support.any_event import events
from tests.support.laws import law
from tests.support.schemas import validator

NAMES = sorted(event_types())


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_an_event_reads_back_as_it_was_and_its_schema_accepts_it(name: str, data: st.DataObject) -> None:
    event = data.draw(events(event_types()[name]))

    written = encode_event(event)

    assert decode_event(written) == event
    assert [str(error) for error in validator(name).iter_errors(msgspec.json.decode(written))] == []


@law
@given(junk=st.binary(max_size=200))
def test_bytes_that_are_no_event_are_refused_and_raise_nothing_else(junk: bytes) -> None:
    with pytest.raises(UndecodableEvent):
        decode_event(junk)
