"""`GET /v1/events/SERVICE`: whether a service has read a record of an integrator's, or quarantined it, and why.

The catalogue says where an event is in the log; the answer to that question has the address of this one.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Query
from msgspec import Struct
from pydantic import Field

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.http import Caller, Json, Problem, answers, requires
from shared.http.problem_types import NOT_FOUND
from shared.http.queries import PLAIN_DIGITS
from shared.log.port import Quarantined, Shard
from shared.quarantine.service import NotQuarantined, QuarantineService

# The offset from which a shard is read next; None where nothing of it was ever read.
Position = Callable[[Shard], Awaitable[int | None]]
TopicParameter = Annotated[Literal["provider.tickets.v1", "provider.work.v1", "provider.usage.v1"], Query()]
PartitionParameter = Annotated[int, Field(ge=0, lt=12), PLAIN_DIGITS]
OffsetParameter = Annotated[int, Field(ge=0, lt=2**62), PLAIN_DIGITS]


class RecordReading(Struct, frozen=True):
    """What a service has done with a record.

    `waiting`: it has not read it yet. `read`: it is a fact, or a repetition of one. `quarantined`: for `reason`, with
    what was expected in `detail`; `decision` says what an operator did about it, null while nobody has.
    """

    service: str
    state: Literal["waiting", "read", "quarantined"]
    reason: str | None = None
    detail: str | None = None
    decision: str | None = None


TYPES = (RecordReading,)


async def reading_of(
    quarantine: QuarantineService, position: Position, caller: Principal, shard: Shard, offset: int
) -> RecordReading | None:
    """What a service has done with the record; None where it has quarantined another source's."""
    service = quarantine.service
    try:
        entry = await quarantine.entry(caller.scope, shard, offset)
    except NotQuarantined:
        reached = await position(shard)
        return RecordReading(service, "read" if reached is not None and offset < reached else "waiting")
    if not _is_callers(entry.record, caller):
        return None
    decided = None if entry.decision is None else entry.decision.action
    return RecordReading(service, "quarantined", entry.record.reason, entry.record.detail, decided)


def router(service: str, quarantine: QuarantineService, position: Position) -> APIRouter:
    """The route of one service."""
    routes = APIRouter(prefix="/v1/events", tags=["events"], dependencies=[requires(Action.SEND_EVENTS)])

    @routes.get(
        f"/{service}", name=f"get_reading_of_record_by_{service.replace('-', '_')}", responses=answers(RecordReading)
    )
    async def read(
        topic: TopicParameter, partition: PartitionParameter, offset: OffsetParameter, caller: Caller
    ) -> Json:
        """What this service has done with the record at a place of the log."""
        found = await reading_of(quarantine, position, caller, Shard(topic, partition), offset)
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
