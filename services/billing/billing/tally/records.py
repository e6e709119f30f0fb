"""The records of a tally: each is one line of JSON, in canonical form (RFC 8785), in the order of `SECTIONS`.

Sorted keys, no spaces, UTF-8, and only strings, integers, booleans and null: there is one way to write each record, so
that a digest of the lines is a digest of what they say. docs/verifying.md describes them for whoever writes a checker.
"""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from billing.domain.metering import MICRO, DefinitionKind, EventReceived, EventStream, Origin, quantity_micro
from billing.domain.verdicts import VerdictReceived
from shared.contracts.scalars import END_OF_TEXT, Stream
from shared.contracts.topics import TOPIC_OF_STREAM, USAGE
from shared.instants import epoch_us, instant_at
from shared.period import MONTH_PATTERN, Month

FORMAT = "tallystick-tally/1"
Sha256 = Annotated[str, Meta(pattern=rf"^[0-9a-f]{{64}}{END_OF_TEXT}")]
_MonthText = Annotated[str, Meta(pattern=rf"^{MONTH_PATTERN}{END_OF_TEXT}")]
_Text = Annotated[str, Meta(max_length=512)]
_Place = Annotated[int, Meta(ge=0, le=2**62)]
_Instant = Annotated[datetime, Meta(tz=True)]
_Units = Annotated[str, Meta(pattern=rf"^-?(0|[1-9][0-9]{{0,12}})(\.[0-9]{{0,5}}[1-9])?{END_OF_TEXT}")]
TOPIC_OF: dict[str, str] = {"usage": USAGE.name} | {str(name): topic for name, topic in TOPIC_OF_STREAM.items()}


class _Record(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="kind"):
    """A line; what it does not say is left out."""


class TallyHeader(_Record, frozen=True, kw_only=True, tag="header"):
    """Whose statement of which month it is; `number` is None for a draft, which nobody has issued."""

    format: Annotated[str, Meta(max_length=64)]
    council: _Text
    month: _MonthText
    status: _Text
    rules_version: Annotated[int, Meta(ge=1, le=10_000)]
    number: _Text | None = None


class TallyDefinition(_Record, frozen=True, kw_only=True, tag="definition"):
    """A version of a council, service, provider, agreement or tariff, as canonical JSON."""

    of: DefinitionKind
    version: Annotated[int, Meta(ge=1, le=10**9)]
    content: Raw


class TallyEarlier(_Record, frozen=True, kw_only=True, tag="earlier"):
    """The canonical statement of an earlier month on which charges or credits of this one depend."""

    month: _MonthText
    sha256: Sha256
    content: Raw


class TallyStatement(_Record, frozen=True, kw_only=True, tag="statement"):
    """The canonical statement itself: the bytes of `content` are those that its SHA-256 is of."""

    sha256: Sha256
    content: Raw


class TallyFailure(_Record, frozen=True, kw_only=True, tag="failed"):
    """The item of `events` events that could not be metered, and so are in no line."""

    item: _Text
    events: Annotated[int, Meta(ge=1, le=10**9)]


class TallyVerdict(_Record, frozen=True, kw_only=True, tag="verdict"):
    """A verdict that counts towards a service credit, and the offset of it in its item's partition."""

    agreement: _Text
    service: _Text
    target: _Text
    stream: Stream
    item: _Text
    cycle: Annotated[int, Meta(ge=0, le=10**9)]
    outcome: Literal["met", "breached"]
    at: _Instant
    day: date
    source: _Text
    id: _Text
    offset: _Place
    value_pence: Annotated[int, Meta(ge=-(2**62), le=2**62)] | None = None

    @property
    def order(self) -> tuple[str, str, str, str, str, int]:
        """Verdicts ascend by it."""
        return self.agreement, self.service, self.target, self.stream, self.item, self.cycle


class TallyEvent(_Record, frozen=True, kw_only=True, tag="event"):
    """An event of the provider about an item or a reading, and where in the log it is.

    `type` is without the `tallystick.` that all have. `place` orders events of one item and instant as their sequence
    does. The target is the event that it reverses, adjusts or withdraws.
    """

    topic: _Text
    partition: _Place
    offset: _Place
    source: _Text
    id: _Text
    type: _Text
    stream: EventStream
    item: _Text
    at: _Instant
    day: date
    place: _Text = ""
    service: _Text | None = None
    quantity: _Units | None = None
    unit: _Text | None = None
    attributes: dict[str, Any] | None = None
    target_source: _Text | None = None
    target_id: _Text | None = None


class TallyCheckpoint(_Record, frozen=True, kw_only=True, tag="checkpoint"):
    """The SHA-256 of every byte before this line, of which there are `lines` lines."""

    lines: _Place
    sha256: Sha256


class TallySeal(_Record, frozen=True, kw_only=True, tag="seal"):
    """The last line. The signature is a detached JWS over `signed_content`, by the key with the public half `key`.

    `tally_sha256` is of every byte before this line. `previous_sha256` is that of the council's document before.
    A draft has neither key nor signature.
    """

    lines: _Place
    tally_sha256: Sha256
    statement_sha256: Sha256
    previous_sha256: Sha256 | None = None
    key: dict[str, str] | None = None
    signature: Annotated[str, Meta(max_length=2000)] | None = None


# What a statement is computed from beside events, as it is kept when one is issued.
TallyBasis = TallyDefinition | TallyEarlier | TallyFailure | TallyVerdict
TallyRecord = (
    TallyHeader
    | TallyDefinition
    | TallyEarlier
    | TallyStatement
    | TallyFailure
    | TallyVerdict
    | TallyEvent
    | TallyCheckpoint
    | TallySeal
)
# In which order they come; checkpoints come between any two.
SECTIONS: dict[type, int] = {
    TallyHeader: 0,
    TallyStatement: 1,
    TallyDefinition: 2,
    TallyEarlier: 3,
    TallyFailure: 4,
    TallyVerdict: 5,
    TallyEvent: 6,
    TallySeal: 7,
}
_encoder = msgspec.json.Encoder(order="sorted")


@cache
def decoder() -> msgspec.json.Decoder[TallyRecord]:
    """What reads a line."""
    return msgspec.json.Decoder(TallyRecord)


def encoded(record: TallyRecord) -> bytes:
    """The record as its line, without the line's end."""
    return _encoder.encode(record)


def earlier_record(month: Month, content: bytes) -> TallyEarlier:
    """The canonical statement of an earlier month as the tally has it."""
    return TallyEarlier(month=str(month), sha256=hashlib.sha256(content).hexdigest(), content=Raw(content))


def event_record(event: EventReceived) -> TallyEvent:
    """The event as the tally has it."""
    origin, micro = event.origin, event.quantity_micro
    return TallyEvent(
        topic=TOPIC_OF[event.stream],
        partition=event.partition,
        offset=event.offset,
        source=origin.source,
        id=origin.id,
        type=event.type,
        stream=event.stream,
        item=event.item,
        at=instant_at(origin.at_us),
        day=event.day,
        place=origin.place,
        service=event.service,
        quantity=None if micro is None else units_text(micro),
        unit=event.unit,
        attributes=msgspec.json.decode(event.attributes) if event.attributes else None,
        target_source=event.target_source,
        target_id=event.target_id,
    )


def event_of(record: TallyEvent, council: str) -> EventReceived:
    """The event that a record is, of that council."""
    return EventReceived(
        Origin(record.source, record.id, epoch_us(record.at), record.place),
        record.partition,
        record.offset,
        record.type,
        record.stream,
        council,
        record.item,
        record.day,
        record.service,
        None if record.quantity is None else quantity_micro(record.quantity),
        record.unit,
        _encoder.encode(record.attributes).decode() if record.attributes else None,
        record.target_source,
        record.target_id,
    )


def verdict_record(verdict: VerdictReceived) -> TallyVerdict:
    """The verdict as the tally has it; raises `ValueError` for one that was retracted, which counts nowhere."""
    if verdict.outcome == "retracted":
        raise ValueError("a retracted verdict counts nowhere")
    return TallyVerdict(
        agreement=verdict.agreement,
        service=verdict.service,
        target=verdict.target,
        stream=verdict.stream,
        item=verdict.item,
        cycle=verdict.cycle,
        outcome=verdict.outcome,
        at=instant_at(verdict.origin.at_us),
        day=verdict.day,
        source=verdict.origin.source,
        id=verdict.origin.id,
        offset=verdict.offset,
        value_pence=verdict.value_pence,
    )


def signed_content(header: TallyHeader, seal: TallySeal) -> bytes:
    """What the provider signs: the seal without key and signature, and whose statement it is of."""
    return _encoder.encode(
        {
            "format": header.format,
            "council": header.council,
            "month": header.month,
            "number": header.number,
            "lines": seal.lines,
            "statement_sha256": seal.statement_sha256,
            "previous_sha256": seal.previous_sha256,
            "tally_sha256": seal.tally_sha256,
        }
    )


def units_text(micro: int) -> str:
    """Millionths as plain digits without trailing zeros: `1.5`, `-3`, `0`."""
    if micro % MICRO == 0:
        return str(micro // MICRO)
    return f"{Decimal(micro) / MICRO:f}".rstrip("0")
