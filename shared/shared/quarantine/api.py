"""`GET /v1/quarantine`: which records are quarantined, where and why, and who decided what. For operators.

The records themselves are not shown: an invalid record may hold anything. `tallystick quarantine show` shows them.
"""

import re

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.roles import Action
from shared.http import (
    CallerScope,
    Json,
    JsonList,
    Limit,
    Problem,
    RequestedPage,
    page_of,
    pages_of,
    requires,
)
from shared.http.problem_types import INVALID_CURSOR
from shared.log.port import Shard
from shared.quarantine.decisions import Decision
from shared.quarantine.service import QuarantineEntry, QuarantineService

_DIGITS = re.compile(r"[0-9]{1,18}")  # what databases hold


class QuarantinedRecord(Struct, frozen=True):
    """A quarantined record, open while `decision` is null. `size` is in bytes, null for a record without a value.

    `timestamp_ms` is whatever the sender gave the record, which need not be an instant.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    timestamp_ms: int
    size: int | None
    decision: Decision | None


TYPES = (QuarantinedRecord,)


def router(quarantine: QuarantineService) -> APIRouter:
    """`/v1/quarantine` of one service."""
    routes = APIRouter(prefix="/v1/quarantine", tags=["quarantine"], dependencies=[requires(Action.OPERATE)])

    @routes.get("", responses=pages_of(QuarantinedRecord))
    async def list_records(
        caller: CallerScope, paging: RequestedPage, *, decided: bool = False, limit: Limit = 50
    ) -> Json:
        """Open quarantined records, or all of them; by topic, partition and offset."""
        found: list[QuarantineEntry] = []
        async for entry in quarantine.entries(caller, decided=decided, after=_place(paging.after)):
            found.append(entry)
            if len(found) > limit:
                break
        page = page_of(found, limit, key=_key)
        return JsonList([_without_content(entry) for entry in page.items], headers=paging.next_link(page))

    return routes


def _key(entry: QuarantineEntry) -> tuple[str, ...]:
    return entry.shard.topic, str(entry.shard.partition), str(entry.record.offset)


def _place(after: tuple[str, ...] | None) -> tuple[Shard, int] | None:
    match after:
        case None:
            return None
        case (topic, partition, offset) if _DIGITS.fullmatch(partition) and _DIGITS.fullmatch(offset):
            return Shard(topic, int(partition)), int(offset)
        case _:
            raise Problem(INVALID_CURSOR)


def _without_content(entry: QuarantineEntry) -> QuarantinedRecord:
    record = entry.record
    return QuarantinedRecord(
        topic=entry.shard.topic,
        partition=entry.shard.partition,
        offset=record.offset,
        reason=record.reason,
        detail=record.detail,
        timestamp_ms=record.timestamp_ms,
        size=None if record.value is None else len(record.value),
        decision=entry.decision,
    )
