"""What has become of events that came in over HTTP: `GET /v1/events` for one, `GET /v1/events/received` for all."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from catalogue.domain.event_reports import PublishedEvent, ReceivedEventReport
from catalogue.domain.received_events import EventStatus
from catalogue.events import EventHandlers
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.http import (
    Caller,
    Json,
    JsonList,
    Limit,
    Problem,
    RequestedPage,
    RequestedScope,
    json_responses,
    page_of,
    pages_of,
    refuses,
)
from shared.http.problem_types import INVALID_QUERY, NOT_FOUND
from shared.http.queries import PLAIN_DIGITS, FlagParameter
from shared.period import month_of

EVENTS_PATH = "/v1/events"
_READERS = {topic.name: topic.read_by for topic in (TICKETS, WORK, USAGE)}
SourceParameter = Annotated[str, Query(min_length=1, max_length=256)]
NumberParameter = Annotated[int, Query(ge=0, lt=2**63, description="the number of an event"), PLAIN_DIGITS]
IdParameter = Annotated[str, Query(min_length=1, max_length=128)]


STATUS_TYPES: tuple[type, ...] = (ReceivedEventReport,)


def add_status_routes(routes: APIRouter, handlers: EventHandlers) -> None:
    """`routes` answer what has become of events."""

    @routes.get(
        "",
        name="get_event",
        responses=json_responses(ReceivedEventReport, {200: "What has become of it"}) | refuses(NOT_FOUND),
    )
    async def ask(source: SourceParameter, id: IdParameter, caller: Caller) -> Json:
        """What has become of an event of one of your sources that came in over HTTP."""
        if "\x00" in source or "\x00" in id:
            raise Problem(INVALID_QUERY, "expected text without NUL")
        found = await handlers.status(caller, source, id)
        if found is None:
            raise Problem(NOT_FOUND)
        return Json(report_of(found))

    @routes.get("/received", name="list_received_events", responses=pages_of(ReceivedEventReport))
    async def listing(
        *,
        caller: Caller,
        scope: RequestedScope,
        paging: RequestedPage,
        limit: Limit = 50,
        after: NumberParameter = 0,
        newest: FlagParameter = False,
    ) -> Json:
        """Events of your sources that came in over HTTP, in the order of receiving; the `newest`, or from one on."""
        first = max(after, paging.after_number)
        found = await handlers.listed(caller, scope, after=first, newest=newest, limit=limit + (not newest))
        page = page_of(found, limit, key=lambda each: (str(each.number),))
        return JsonList([report_of(each) for each in page.items], headers=paging.next_link(page))


def report_of(found: EventStatus) -> ReceivedEventReport:
    """What is known of the event, for whoever sent it."""
    published = None
    if found.published_at is not None:
        published = PublishedEvent(found.published_at, found.topic, found.partition, found.offset)
    return ReceivedEventReport(
        number=found.number,
        source=found.source,
        id=found.id,
        type=found.type,
        council=found.council,
        subject=found.subject,
        received_at=found.received_at,
        published=published,
        links=_links(found),
    )


def _links(found: EventStatus) -> dict[str, str]:
    """Where to ask what followed: each reader for the record, and once it is published the item and its council.

    The item's verdicts and the council's statement are for roles that read figures.
    """
    links = {}
    if found.partition is not None and found.offset is not None:
        place = urlencode(
            {
                "topic": found.topic,
                "partition": found.partition,
                "offset": found.offset,
                "council": found.council,
                "item": found.subject,
            }
        )
        links = {service: f"{EVENTS_PATH}/{service}?{place}" for service in _READERS[found.topic]}
    if found.topic != USAGE.name:
        links["judged"] = f"/v1/items/{found.subject}?{urlencode({'council': found.council})}"
    links["priced"] = f"/v1/statements/{found.council}/{month_of(found.occurred_at)}"
    return links
