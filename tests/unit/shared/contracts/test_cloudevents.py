"""Events as the official SDKs write them are the events that they mean, over HTTP and Kafka alike."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings import http, kafka
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.cloudevents import (
    HTTP_PREFIX,
    NotCloudEvent,
    canonical_members,
    is_json,
    is_surely_canonical,
    structured,
    structured_kafka,
)
from shared.contracts.items import WorkCompleted
from shared.log.port import Record
from shared.log.validation import InvalidRecord, as_quarantined, read_event, validate
from shared.units import EpochMillis, Offset
from tests.support.laws import law
from tests.support.poison import GOOD, KEY, SHARD

RECORDED = Path(__file__).parent / "senders"
CARRIED: frozenset[type[WorkCompleted]] = frozenset({WorkCompleted})
NOON_MS = 1_778_155_200_000
ATTRIBUTES = {
    "specversion": "1.0",
    "type": "tallystick.work.completed.v1",
    "source": "/councils/ashby/systems/finance",
    "id": "inv-1-2",
    "time": "2026-05-07T12:00:00Z",
    "subject": "inv-1",
    "council": "ashby",
}
Headers = Mapping[str, str]


def over_http(headers: Headers, body: bytes) -> bytes:
    """The body as the HTTP binding reads it, with the headers of binary mode."""
    lowered = {name.lower(): value for name, value in headers.items()}
    named = {name[3:]: value for name, value in lowered.items() if name.startswith(HTTP_PREFIX)}
    return structured(named, lowered.get("content-type", ""), body) if named else body


def record(value: bytes | None, headers: Headers) -> Record:
    encoded = tuple((name, value.encode()) for name, value in headers.items())
    return Record(Offset(0), KEY, value, encoded, EpochMillis(NOON_MS))


def recorded(sender: str) -> list[Any]:
    messages = json.loads((RECORDED / f"{sender}.json").read_text(encoding="utf-8"))["messages"]
    return [pytest.param(name, each, id=f"{sender} {name}") for name, each in messages.items()]


def written_now() -> list[Any]:
    """What the Python SDK of the lock writes."""
    when = datetime(2026, 5, 7, 12, tzinfo=UTC)
    sent = CloudEvent(
        attributes={**ATTRIBUTES, "time": when, "datacontenttype": "application/json"}, data={"units": "3"}
    )
    as_bytes = CloudEvent(attributes={**ATTRIBUTES, "time": when}, data=b'{"units":"3"}')
    found = []
    for name, event in {"": sent, " of bytes": as_bytes}.items():
        for mode in ("structured", "binary"):
            to_http = getattr(http, f"to_{mode}")(event, JSONFormat())
            to_kafka = getattr(kafka, f"to_{mode}")(event, JSONFormat())
            kafka_headers = {each: value.decode() for each, value in to_kafka.headers.items()}
            found += [
                (f"http {mode}{name}", {"headers": to_http.headers, "body": to_http.body.decode()}),
                (f"kafka {mode}{name}", {"headers": kafka_headers, "body": to_kafka.value.decode()}),
            ]
    return [pytest.param(name, each, id=f"python-2 {name}") for name, each in found]


@pytest.mark.parametrize(("name", "message"), [*recorded("python-1"), *written_now(), *recorded("javascript")])
def test_what_an_official_sdk_writes_is_the_event_that_it_means(name: str, message: dict[str, Any]) -> None:
    body = message["body"].encode()
    if name.startswith("kafka"):
        found = read_event(SHARD, record(body, message["headers"]), CARRIED)
    else:
        found = validate(over_http(message["headers"], body), CARRIED)

    assert isinstance(found, WorkCompleted), found
    assert (found.id, found.source, found.key) == ("inv-1-2", ATTRIBUTES["source"], "ashby:inv-1")
    assert found.time == datetime(2026, 5, 7, 12, tzinfo=UTC)
    assert found.data.units == "3"


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; Charset=UTF-8", True),
        (" application/vnd.tallystick+json ;v=1", True),
        ("text/json", True),
        ('application/json; v=1; charset="utf-8"', True),
        ("application/json; charset=utf-16", False),
        ("application/json;v=1;CHARSET = latin1", False),
        ("application/xml", False),
        ("application/jsonp", False),
        ("+json", False),
        ("", False),
    ],
)
def test_json_is_json_in_any_case_and_with_any_parameters(media_type: str, expected: bool) -> None:
    assert is_json(media_type) is expected


def test_an_event_in_our_own_form_stays_the_bytes_that_were_sent() -> None:
    assert canonical_members(GOOD) is None


@law
@given(
    st.dictionaries(
        st.sampled_from(["datacontenttype", "dataschema", "note", "data_base64"]),
        st.sampled_from(
            [None, "application/json", "Application/JSON", "application/json; charset=utf-8", "e30=", "\\"]
        ),
    ),
    st.sampled_from([(",", ":"), (", ", ": ")]),
)
def test_what_is_seen_at_once_to_be_canonical_is(more: dict[str, str | None], separators: tuple[str, str]) -> None:
    value = json.dumps({**ATTRIBUTES, **more}, separators=separators).encode()

    try:
        changed = canonical_members(value)
    except NotCloudEvent:
        changed = b""
    assert not is_surely_canonical(value) or changed is None
    assert is_surely_canonical(GOOD)


def test_null_attributes_are_left_out_and_unknown_ones_stay_as_they_were_sent() -> None:
    sent = GOOD[:-1] + b',"dataschema":null,"colour":"blue","depth":1.50}'

    assert canonical_members(sent) == GOOD.replace(b'"time"', b'"time"')[:-1] + b',"colour":"blue","depth":1.50}'


@law
@given(st.dictionaries(st.sampled_from(["tenant", "colour", "x1", "dataschema"]), st.none() | st.text(), max_size=4))
def test_reading_twice_changes_nothing_more(more: dict[str, str | None]) -> None:
    sent = json.dumps({**json.loads(GOOD), **more}).encode()

    once = canonical_members(sent) or sent

    assert canonical_members(once) is None


# Kafka's binary mode


BINARY = {f"ce_{name}": value for name, value in ATTRIBUTES.items()}


def reason_of(value: bytes | None, headers: Headers) -> str:
    found = read_event(SHARD, record(value, headers), CARRIED)
    assert isinstance(found, InvalidRecord)
    return found.reason


@pytest.mark.parametrize(
    ("value", "changes", "reason"),
    [
        (None, {}, "EMPTY"),
        (b"", {}, "EMPTY"),
        (b"<a/>", {"content-type": "text/xml"}, "UNREADABLE"),
        (b"{", {}, "UNREADABLE"),
        (b'{"units":3}', {}, "UNREADABLE"),
        (b'{"units":"9","units":"3"}', {}, "UNREADABLE"),
        (b'{"units":"3"}', {"ce_type": "tallystick.work.finished.v1"}, "UNKNOWN_TYPE"),
        (b'{"units":"3"}', {"ce_specversion": "0.3"}, "UNREADABLE"),
        (b'{"units":"3"}', {"ce_subject": "inv-2"}, "KEY_MISMATCH"),
        (b'{"units":"3"}', {"ce_time": "2026-05-08T12:00:00Z"}, "FUTURE_TIME"),
        (b'{"units":"3"}', {"ce_data": "{}"}, "UNREADABLE"),
        (b'{"units":"3"}', {"ce_ID": "again"}, "UNREADABLE"),
        (b'{"units":"3"}', {"ce_no name": "x"}, "UNREADABLE"),
    ],
)
def test_a_record_in_binary_mode_is_invalid_for_the_same_reasons(
    value: bytes | None, changes: Headers, reason: str
) -> None:
    assert reason_of(value, {**BINARY, **changes}) == reason


def test_headers_that_are_no_attributes_are_nobodys_business() -> None:
    assert structured_kafka(GOOD, [("traceparent", b"\xff"), ("tallystick-redriven-from", b"x")]) == GOOD


def test_a_header_that_is_no_text_makes_the_record_unreadable_and_its_value_is_kept() -> None:
    sent = Record(Offset(0), KEY, b"{}", (("ce_specversion", b"1.0"), ("ce_id", b"\xff")), EpochMillis(NOON_MS))

    found = read_event(SHARD, sent, CARRIED)

    assert isinstance(found, InvalidRecord)
    assert (found.reason, as_quarantined(sent, found).value) == ("UNREADABLE", b"{}")


def test_quarantine_keeps_the_attributes_of_a_record_in_binary_mode_so_that_it_can_be_redriven() -> None:
    sent = record(b'{"units":"3"}', {**BINARY, "ce_type": "tallystick.work.finished.v1"})
    found = read_event(SHARD, sent, CARRIED)
    assert isinstance(found, InvalidRecord)

    kept = json.loads(as_quarantined(sent, found).value or b"")

    assert kept == {**ATTRIBUTES, "type": "tallystick.work.finished.v1", "data": {"units": "3"}}


CANARY = "canary-7f3a"


@pytest.mark.parametrize("place", [*ATTRIBUTES, "datacontenttype", "data_base64", "data", CANARY])
@pytest.mark.parametrize("value", [CANARY, f"{CANARY}'\n - at `$.type`", [CANARY], {CANARY: CANARY}, f"{CANARY}\u0000"])
def test_no_reason_repeats_what_was_sent(place: str, value: object) -> None:
    sent = json.dumps({**json.loads(GOOD), place: value}).encode()
    for each in (sent, sent[:-1], sent + b"}", sent.replace(b'"', b"'", 3)):
        found = validate(each, CARRIED)
        if isinstance(found, InvalidRecord):
            assert CANARY not in found.detail
            assert all(CANARY not in fault.message for fault in found.faults)


def test_a_name_that_is_no_attribute_is_refused_without_being_repeated() -> None:
    with pytest.raises(NotCloudEvent) as refused:
        structured({f"{CANARY}!": "x"}, "", b"{}")

    assert CANARY not in str(refused.value)
