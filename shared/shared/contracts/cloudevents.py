"""CloudEvents 1.0 as well-known SDKs write them, as one structured JSON object that the typed decode reads.

The specification leaves senders choices. An attribute may be null instead of absent, the type of the data may have
parameters and any case, the data may be in Base64, and the attributes may be in headers, with the data alone as the
body (binary mode). None of these is part of what an event says: each is undone here, over HTTP and Kafka alike, and
every other member stays as it was sent. Nothing here is needed for what is written as docs/events.md shows it.

Source: CloudEvents 1.0.2, JSON format, HTTP protocol binding, Kafka protocol binding.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

import msgspec

STRUCTURED_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
# What the name of an attribute begins with in a header.
HTTP_PREFIX, KAFKA_PREFIX = "ce-", "ce_"
JSON_TYPE = "application/json"

_NULL = msgspec.Raw(b"null")
# What an event in another form cannot do without: an escape, a null, data in Base64; or another type of its data.
_NOT_CANONICAL = (b"\\", b"null", b"_base64")
_TYPED, _TYPED_AS_JSON = b'"datacontenttype"', b'"datacontenttype":"application/json"'
_JSON_TYPE = re.compile(r"(?:application|text)/json|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.-]+\+json", re.ASCII)
_CHARSET, _UTF_8 = re.compile(r"(?:^|;)\s*charset\s*=\s*\"?([^\s;\"]*)"), {"utf-8", "utf8", "us-ascii"}
# What an attribute may be called, and what no attribute may be: the data has a place of its own.
_NAME = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
_DATA, _BASE64 = "data", "data_base64"
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


class NotCloudEvent(ValueError):
    """What was sent is no CloudEvent of JSON data. The message says what was expected and repeats nothing of it."""

    def __init__(self, attribute: str, expected: str) -> None:
        super().__init__(f"{attribute}: {expected}")
        self.attribute, self.expected = attribute, expected


def is_json(media_type: str) -> bool:
    """Whether data of that type is JSON in UTF-8, in any case and with any parameter: `Application/JSON; v=1`."""
    named, _, parameters = media_type.lower().partition(";")
    charset = _CHARSET.search(parameters)
    return _JSON_TYPE.fullmatch(named.strip()) is not None and (charset is None or charset[1] in _UTF_8)


def is_surely_canonical(value: bytes) -> bool:
    """Whether the bytes of an event are seen at once to have the form that is published already.

    False says nothing: `canonical_members` has to look. `value` must be strict JSON.
    """
    if any(mark in value for mark in _NOT_CANONICAL):
        return False
    return _TYPED not in value or _TYPED_AS_JSON in value


def canonical_members(value: bytes) -> bytes | None:
    """The same event in the form that is published; None where it has that form already, or is no JSON object.

    Null attributes are left out, JSON data is called `application/json`, and Base64 is decoded. `value` must be strict
    JSON: of two members of one name the last would be taken. Raises `NotCloudEvent`.
    """
    try:
        sent = _members.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    members = {name: each for name, each in sent.items() if each != _NULL}
    if _BASE64 in members:
        _put_decoded_data(members)
    if (media_type := members.get("datacontenttype")) is not None:
        members["datacontenttype"] = _plain_type(media_type)
    return None if members == sent else msgspec.json.encode(members)


def structured_kafka(value: bytes | None, headers: Iterable[tuple[str, bytes]]) -> bytes | None:
    """A record's event in structured mode: its value, unless its headers hold the attributes (binary mode).

    Raises `NotCloudEvent` where a header cannot be read.
    """
    lowered = [(name.lower(), each) for name, each in headers]
    named = [(name.removeprefix(KAFKA_PREFIX), each) for name, each in lowered if name.startswith(KAFKA_PREFIX)]
    media_type = next((_header_text("content-type", each) for name, each in lowered if name == "content-type"), "")
    if not value or not named or media_type.lower().startswith("application/cloudevents"):
        return value
    attributes = {name: _header_text(name, each) for name, each in named}
    if len(attributes) < len(named):
        raise NotCloudEvent("attributes", "expected each header once")
    return structured(attributes, media_type, value)


def structured(attributes: Mapping[str, str], media_type: str, data: bytes) -> bytes:
    """An event of binary mode in structured mode: `attributes` by name, and its data of `media_type`.

    Data that is no JSON is kept in Base64, so that nothing is lost of what is refused. Raises `NotCloudEvent`.
    """
    members: dict[str, object] = {name: each for name, each in attributes.items() if _is_attribute(name)}
    if media_type:
        members["datacontenttype"] = media_type
    if _holds_json(data):
        members[_DATA] = msgspec.Raw(data)
    else:
        members[_BASE64] = base64.b64encode(data).decode()
    return msgspec.json.encode(members)


def _is_attribute(name: str) -> bool:
    if name in {_DATA, _BASE64}:
        raise NotCloudEvent(_DATA, "expected the data in the body, not in a header")
    if not _NAME.fullmatch(name):
        raise NotCloudEvent("attributes", "expected names of lower-case letters and digits")
    return True


def _header_text(name: str, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as fault:
        known = name if _NAME.fullmatch(name) else "attributes"
        raise NotCloudEvent(known, "expected text in UTF-8 in the header") from fault


def _holds_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _plain_type(media_type: msgspec.Raw) -> msgspec.Raw:
    try:
        text = _text.decode(media_type)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return media_type  # the typed decode words the fault
    if not is_json(text):
        raise NotCloudEvent("datacontenttype", "expected application/json, or another type of JSON, in UTF-8")
    return msgspec.Raw(msgspec.json.encode(JSON_TYPE))


def _put_decoded_data(members: dict[str, msgspec.Raw]) -> None:
    if _DATA in members:
        raise NotCloudEvent(_BASE64, "expected one of data and data_base64, not both")
    try:
        data = base64.b64decode(_text.decode(members.pop(_BASE64)), validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError) as fault:
        raise NotCloudEvent(_BASE64, "expected Base64") from fault
    if not _holds_json(data):
        raise NotCloudEvent(_BASE64, "expected JSON in UTF-8")
    members[_DATA] = msgspec.Raw(data)
