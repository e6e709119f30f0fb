"""Items that could not be judged: which they are, and requests to judge one of them again."""

from collections.abc import Sequence
from datetime import datetime

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.decisions import ItemRetryData, ItemRetryRequested
from shared.contracts.scalars import Id
from shared.http import (
    Caller,
    Json,
    JsonBody,
    RequestedScope,
    answers,
    json_request_body,
    json_responses,
    read_as,
    refuses,
    requires,
)
from shared.http.paging import MAX_PAGE_SIZE, Limit
from shared.http.problem_types import CONFLICT, NOT_FOUND
from shared.ids import derived_id
from shared.instants import instant, instant_at
from shared.scope import Scope
from sla_monitor.decisions import UnknownDecision, decision_problems, require_in_scope
from sla_monitor.domain.announcements import SOURCE
from sla_monitor.domain.decisions import NotAllowed
from sla_monitor.domain.item import ItemFailure
from sla_monitor.ports import DecisionsLog
from sla_monitor.store.items import FailedItem, StoredItems

MAX_FACTS_SHOWN = 100
ADVICE = "Report the failure. It is judged again after an upgrade, when the council's terms change, or on request."


class FailedFact(Struct, frozen=True):
    """An event of the item: what happened and when, and the source and id under which it was sent."""

    kind: str
    at: datetime
    source: str
    id: str


class FailedItemReport(Struct, frozen=True):
    """An item in no figure, because Tallystick failed to judge it; `topic` says where its events come from.

    `error` is the kind of failure, `place` where in Tallystick it came up, `version` the release that tried last.
    `events` counts the item's events, all of which are kept; the newest of them are `newest_events`.
    """

    council: str
    item: str
    topic: str
    since: datetime
    error: str
    place: str
    version: str
    events: int
    newest_events: list[FailedFact]


class FailedItemsReport(Struct, frozen=True):
    """Failed items by council, `failed_items` of them in all, and the councils that are held.

    Of a held council so many items failed in a partition that no other is judged there. `advice` says what to do.
    """

    failed_items: int
    held_councils: Sequence[str]
    advice: str
    items: list[FailedItemReport]


class ItemRetryRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A request under an id of the sender's choice: sending it again under that id changes nothing."""

    id: Id
    council: Id
    item: Id


TYPES = (FailedItemsReport, ItemRetryRequest)


class FailedItemService:
    """What failed, and requests to judge it again."""

    def __init__(self, log: DecisionsLog, items: StoredItems, clock: Clock) -> None:
        self._log, self._items, self._clock = log, items, clock

    async def report(self, scope: Scope, *, limit: int = MAX_PAGE_SIZE) -> FailedItemsReport:
        """The failed items in scope, the first `limit` of them in full."""
        found = await self._items.failures(scope)
        shown = [_report(each, each.item.failed) for each in found.items[:limit] if each.item.failed is not None]
        return FailedItemsReport(len(found.items), found.held, ADVICE, shown)

    async def request_retry(self, caller: Principal, wanted: ItemRetryRequest) -> None:
        """It is requested, once however often it is sent. Raises `AppendUncertain`.

        Raises `UnknownDecision` unless the item has failed, and `NotAllowed` where another item has the request's id.
        """
        require_in_scope(caller.scope, wanted.council)
        request = self._log.current.retry(wanted.council, wanted.id)
        if request is not None:
            if request.item != wanted.item:
                raise NotAllowed("another request has this id")
            return
        failed = (await self._items.failures(Scope.of(wanted.council))).items
        if not any(each.name == wanted.item for each in failed):
            raise UnknownDecision(f"no item {wanted.item!r} of {wanted.council!r} has failed")
        await self._log.append(
            ItemRetryRequested(
                id=derived_id("item-retry", wanted.council, wanted.id),
                source=SOURCE,
                time=self._clock.now(),
                subject=wanted.id,
                data=ItemRetryData(council=wanted.council, item=wanted.item, requested_by=caller.name),
            )
        )


def router(service: FailedItemService) -> APIRouter:
    """`/failed-items` and `/item-retries`."""
    routes = APIRouter()

    @routes.get("/failed-items", dependencies=[requires(Action.READ_FIGURES)], responses=answers(FailedItemsReport))
    async def list_failed_items(scope: RequestedScope, limit: Limit = MAX_PAGE_SIZE) -> Json:
        """Items that could not be judged and are in no figure: which, why, since when, and their newest events."""
        return Json(await service.report(scope, limit=limit))

    @routes.post(
        "/item-retries",
        dependencies=[requires(Action.OPERATE)],
        status_code=202,
        responses=json_responses(ItemRetryRequest, {202: "Requested: the item is judged again within seconds"})
        | refuses(CONFLICT, NOT_FOUND),
        openapi_extra=json_request_body(ItemRetryRequest),
    )
    async def retry_items(body: JsonBody, caller: Caller) -> Json:
        """A failed item is judged again."""
        wanted = read_as(body, ItemRetryRequest)
        with decision_problems():
            await service.request_retry(caller, wanted)
        return Json(wanted, status_code=202)

    return routes


def _report(found: FailedItem, failure: ItemFailure) -> FailedItemReport:
    facts = found.item.facts
    return FailedItemReport(
        council=found.council,
        item=found.name,
        topic=found.shard.topic,
        since=instant(failure.since_s),
        error=failure.error,
        place=failure.place,
        version=failure.version,
        events=len(facts),
        newest_events=[
            FailedFact(type(fact).__name__.lower(), instant_at(fact.at_us), fact.source, fact.id)
            for fact in facts[-MAX_FACTS_SHOWN:]
        ],
    )
