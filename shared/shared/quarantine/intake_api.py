"""`GET /v1/events/SERVICE`: whether a service has read a record of an integrator's, or quarantined it, and why.

The catalogue says where an event is in the log; the answer to that question has the address of this one.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Query
from msgspec import Struct
from pydantic import Field

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.http import Caller, Json, Problem, answers, requires
from shared.http.problem_types import NOT_FOUND
from shared.http.queries import PLAIN_DIGITS, OptionalId
from shared.log.port import Quarantined, Shard
from shared.quarantine.readings import RecordReading
from shared.quarantine.service import NotQuarantined, QuarantineService, WaitsFor

# The offset from which a shard is read next; None where nothing of it was ever read.
Position = Callable[[Shard], Awaitable[int | None]]
TopicParameter = Annotated[Literal["provider.tickets.v1", "provider.work.v1", "provider.usage.v1"], Query()]
PartitionParameter = Annotated[int, Field(ge=0, lt=12), PLAIN_DIGITS]
OffsetParameter = Annotated[int, Field(ge=0, lt=2**62), PLAIN_DIGITS]


class ItemHindrance(NamedTuple):
    """Why what was read of an item counts nowhere yet."""

    state: Literal["parked", "failed"]
    reason: str
    detail: str


def parked_until(waits_for: WaitsFor, council: str) -> ItemHindrance:
    """The hindrance of an event that counts as soon as the catalogue knows something of its council."""
    known = {
        "council": f"the catalogue knows the council {council}",
        "agreement": f"the catalogue knows an agreement of {council}",
        "calendar": f"the catalogue knows the calendars of {council}'s agreement",
    }
    return ItemHindrance("parked", f"UNKNOWN_{waits_for.upper()}", f"counts as soon as {known[waits_for]}")


# What keeps the item of a council in a shard from counting; None where nothing does.
Hindrance = Callable[[Shard, str, str], Awaitable[ItemHindrance | None]]


TYPES = (RecordReading,)


@dataclass(frozen=True, slots=True)
class IntakeState:
    """How far a service is with what it reads: its quarantine, its positions, and what keeps an item from counting."""

    quarantine: QuarantineService
    position: Position
    hindrance: Hindrance


class AskedItem(NamedTuple):
    """The item of the record that is asked about."""

    council: str
    item: str


async def reading_of(
    intake: IntakeState, caller: Principal, shard: Shard, offset: int, item: AskedItem | None
) -> RecordReading | None:
    """What a service has done with the record; None where it has quarantined another source's.

    Of an item of a council out of the caller's scope nothing more is said.
    """
    quarantine, position = intake.quarantine, intake.position
    service = quarantine.service
    try:
        entry = await quarantine.entry(caller.scope, shard, offset)
    except NotQuarantined:
        reached = await position(shard)
        if reached is None or offset >= reached:
            return RecordReading(service, "waiting")
        asked = item if item is not None and caller.scope.allows(item.council) else None
        found = None if asked is None else await intake.hindrance(shard, *asked)
        return RecordReading(service, "read") if found is None else RecordReading(service, *found)
    if not _is_callers(entry.record, caller):
        return None
    decided = None if entry.decision is None else entry.decision.action
    return RecordReading(service, "quarantined", entry.record.reason, entry.record.detail, decided)


def router(intake: IntakeState) -> APIRouter:
    """The route of one service."""
    service = intake.quarantine.service
    routes = APIRouter(prefix="/v1/events", tags=["events"], dependencies=[requires(Action.SEND_EVENTS)])

    @routes.get(
        f"/{service}", name=f"get_reading_of_record_by_{service.replace('-', '_')}", responses=answers(RecordReading)
    )
    async def read(
        *,
        topic: TopicParameter,
        partition: PartitionParameter,
        offset: OffsetParameter,
        caller: Caller,
        council: OptionalId = None,
        item: OptionalId = None,
    ) -> Json:
        """What this service has done with the record at a place of the log; with its item, whether that counts."""
        asked = None if council is None or item is None else AskedItem(council, item)
        found = await reading_of(intake, caller, Shard(topic, partition), offset, asked)
        if found is None:
            raise Problem(NOT_FOUND)
        return Json(found)

    return routes


def _is_callers(record: Quarantined, caller: Principal) -> bool:
    """Whether one of the caller's sources sent it: what cannot be read is nobody's."""
    if caller.kind == "local":
        return True
    try:
        return msgspec.json.decode(record.value or b"", type=_Sourced).source in caller.sources
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


class _Sourced(Struct):
    source: str
