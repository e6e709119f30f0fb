"""Marks on sla.verdicts.v1: how far the monitor has judged one partition of what it reads."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.contracts.envelope import Event, EventData
from shared.contracts.scalars import Id, Instant

JudgedTopic = Literal["provider.tickets.v1", "provider.work.v1"]
Count = Annotated[int, Meta(ge=0)]


class OpenWork(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What of a partition no verdict says yet, of one council; without `council` what names none.

    `parked` records wait for the catalogue, about `quarantined` ones nobody has decided, `failed` are items that could
    not be judged.
    """

    council: Id | None = None
    parked: Count = 0
    quarantined: Count = 0
    failed: Count = 0


class JudgedThroughData(EventData, frozen=True, kw_only=True):
    """All records below `next_offset` are judged, by a clock at `through`, but for what is `open`, by council.

    `since` is an offset of sla.verdicts.v1. It grows where live state was rebuilt, lost or taken over: a mark with a
    later one holds, also where it says less. Among marks with one `since` the farthest holds.
    """

    topic: JudgedTopic
    partition: Annotated[int, Meta(ge=0)]
    next_offset: Annotated[int, Meta(ge=0)]
    through: Instant
    since: Annotated[int, Meta(ge=0)] = 0
    open: tuple[OpenWork, ...] = ()


class JudgedThrough(Event, frozen=True, kw_only=True, tag="tallystick.sla.judged-through.v1"):
    """Everything due before `through` in a partition has been judged, and its verdicts are before this in the log.

    `subject` is the partition: `provider.tickets.v1/3`.
    """

    data: JudgedThroughData
