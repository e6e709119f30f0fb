"""A service's quarantine over HTTP: what was set aside, where and why, and who decided what. For operators.

The records themselves are not shown: what could not be believed may hold anything. The command shows them.
"""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from msgspec import Struct
from starlette.requests import Request

from shared.http import Cursor, Json, Limit, Page, Problem, next_link, read_cursor, schema_ref
from shared.http.problem_types import INVALID_CURSOR
from shared.log.port import Shard
from shared.quarantine.service import QuarantineEntry, QuarantineService

_DIGITS = re.compile(r"[0-9]{1,18}")  # what databases hold


class DecisionBody(Struct, frozen=True):
    """The last word about a record: `re-driven` or `discarded`."""

    action: str
    actor: str
    reason: str
    decided_at: datetime


class EntryBody(Struct, frozen=True):
    """A record set aside, open while `decision` is null. `size` is in bytes, null for a record without a value.

    `timestamp_ms` is whatever the sender gave the record, which need not be an instant.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    timestamp_ms: int
    size: int | None
    decision: DecisionBody | None


TYPES = (EntryBody,)


def router(desk: QuarantineService) -> APIRouter:
    """`/v1/quarantine`, of the service whose desk it is."""
    routes = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])
    answers: dict[int | str, dict[str, Any]] = {
        200: {"content": {"application/json": {"schema": {"type": "array", "items": schema_ref(EntryBody)}}}}
    }

    @routes.get("", responses=answers)
    async def set_aside(
        request: Request, *, decided: bool = False, limit: Limit = 50, cursor: Cursor | None = None
    ) -> Json:
        """Records set aside that nobody has decided about, or all of them; by topic, partition and offset."""
        found = await _first(desk.entries(decided=decided, beyond=_place(cursor)), limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        key = None if last is None else (last.shard.topic, str(last.shard.partition), str(last.record.offset))
        shown = found[:limit]
        return Json([_body(entry) for entry in shown], headers=next_link(request, Page(shown, key)))

    return routes


async def _first(entries: AsyncIterator[QuarantineEntry], count: int) -> list[QuarantineEntry]:
    found: list[QuarantineEntry] = []
    async for entry in entries:
        found.append(entry)
        if len(found) == count:
            break
    return found


def _place(cursor: str | None) -> tuple[Shard, int] | None:
    match read_cursor(cursor):
        case None:
            return None
        case (topic, partition, offset) if _DIGITS.fullmatch(partition) and _DIGITS.fullmatch(offset):
            return Shard(topic, int(partition)), int(offset)
        case _:
            raise Problem(INVALID_CURSOR)


def _body(entry: QuarantineEntry) -> EntryBody:
    record, decision = entry.record, entry.decision
    return EntryBody(
        topic=entry.shard.topic,
        partition=entry.shard.partition,
        offset=record.offset,
        reason=record.reason,
        detail=record.detail,
        timestamp_ms=record.timestamp_ms,
        size=None if record.value is None else len(record.value),
        decision=None
        if decision is None
        else DecisionBody(decision.action, decision.actor, decision.reason, decision.decided_at),
    )
