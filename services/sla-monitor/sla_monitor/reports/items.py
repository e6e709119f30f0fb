"""One item, with the whole reason for its verdicts: as JSON, in words, and as a picture, with times of London."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from shared.auth.roles import Action
from shared.contracts.definitions import Council
from shared.contracts.scalars import Stream
from shared.http import Json, PathId, Problem, RequestedScope, answers, preferred_media_type, refuses, requires
from shared.http.problem_types import CONFLICT, NOT_FOUND
from shared.log.failures import CodeFailure
from shared.period import LONDON
from shared.scope import Scope
from shared.units import CouncilId, ItemId
from shared.web.charts.svg import Caption
from shared.web.charts.timeline import Marker, TimelineSegment, timeline_chart
from shared.web.formats import long_date
from shared.web.pages import environment
from shared.web.strings import text
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.facts import Opened
from sla_monitor.ports import Announcement
from sla_monitor.reports.item_report import ItemAnswer, ItemReport, VerdictReport, item_report
from sla_monitor.reports.item_text import folded, is_late_by_date, item_text
from sla_monitor.reports.sources import Sources
from sla_monitor.store.items import StoredItem

_SVG = "image/svg+xml"
_MOST_SEGMENTS = 40
STREAM_TEXTS: dict[Stream, str] = {"ticket": "item.ticket", "work": "item.work", "service": "item.outage"}
StreamParameter = Annotated[Stream | None, Query(description="which item, where a ticket and a work item share an id")]
TYPES = (ItemReport,)
_CLOCK: dict[int | str, dict[str, Any]] = {200: {"description": "The clock, drawn", "content": {_SVG: {}}}}


def router(sources: Sources) -> APIRouter:
    """`/items/{item}`, and the picture of each of its clocks."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/items/{item}", responses=_item_answers() | refuses(CONFLICT))
    async def get_item(
        request: Request, item: PathId, scope: RequestedScope, stream: StreamParameter = None, *, long: bool = False
    ) -> Response:
        """The item's verdicts, each with its trace, and everything that was published about it.

        As plain text its time is folded to a page, unless `long` asks for every segment.
        """
        report = item_report(await only_item(sources, scope, item, stream))
        if preferred_media_type(request, (Json.media_type, "text/plain")) == "text/plain":
            return PlainTextResponse("\n".join(item_text(report, long=long)) + "\n")
        return Json(report)

    @routes.get(
        "/items/{item}/verdicts/{agreement}/{target}/{cycle}.svg",
        response_class=Response,
        responses=_CLOCK | refuses(CONFLICT),
    )
    async def draw_clock(
        *,
        item: PathId,
        agreement: PathId,
        target: PathId,
        cycle: int,
        scope: RequestedScope,
        stream: StreamParameter = None,
    ) -> Response:
        """The clock of one verdict: open hours, pauses, closed time, the due instant and the stop."""
        report = item_report(await only_item(sources, scope, item, stream))
        for verdict in report.verdicts:
            found = (verdict.agreement, verdict.target, verdict.cycle) == (agreement, target, cycle)
            if found and (drawn := verdict_chart(verdict)) is not None:
                return Response(str(drawn), media_type=_SVG)
        raise Problem(NOT_FOUND)

    return routes


def _item_answers() -> dict[int | str, dict[str, Any]]:
    described = answers(ItemReport)
    described[200]["content"]["text/plain"] = {}
    return described


async def only_item(sources: Sources, scope: Scope, item: str, stream: Stream | None) -> ItemAnswer:
    """The one item of that id; a problem where there is none, or where several councils or streams use the id."""
    found = await find_items(sources, scope, item, stream=stream)
    if not found:
        raise Problem(NOT_FOUND)
    if len(found) > 1:
        raise Problem(CONFLICT, f"{items_text(found)} have this id: add ?council= or ?stream=")
    return found[0]


def items_text(found: Sequence[ItemAnswer]) -> str:
    """What has one id: `a ticket of adur, a work item of adur`."""
    return ", ".join(f"a {text(STREAM_TEXTS[each.stream])} of {each.council}" for each in found)


def item_path(answer: ItemAnswer) -> str:
    """Where the item's own page is, whatever else has its id."""
    return f"/items/{answer.item}?council={answer.council}&stream={answer.stream}"


async def find_items(sources: Sources, scope: Scope, item: str, *, stream: Stream | None = None) -> list[ItemAnswer]:
    """The items of that id: for each council in scope that uses it a ticket, a work item, or both.

    A scope of all councils means those with an agreement: items of others wait, and are found by their council alone.
    """
    known = sources.catalogue.agreement_index.councils
    found: list[ItemAnswer] = []
    name = ItemId(item)
    for council in map(CouncilId, known if scope.councils is None else sorted(scope.councils)):
        for stored in await sources.items.find(council, name):
            if stream in (None, stored.stream):
                announced = await asyncio.to_thread(sources.read_model.announced, scope, council, stored.stream, name)
                found.append(_answer(sources, stored, announced))
    return found


async def find_items_by_scan(sources: Sources, item: str, *, stream: Stream | None = None) -> list[ItemAnswer]:
    """The items of that id of every council, also of those without an agreement: all of live state is read."""
    pages = sources.items.pages(Scope.all())
    councils = [stored.council async for page in pages for stored in page if stored.name == item]
    return await find_items(sources, Scope.of(*councils), item, stream=stream)


async def every_item(sources: Sources, scope: Scope) -> AsyncIterator[ItemAnswer]:
    """Every item in scope at the present instant, without its announcements."""
    async for page in sources.items.pages(scope):
        for stored in page:
            yield _answer(sources, stored, [])


def _answer(sources: Sources, stored: StoredItem, announced: list[Announcement]) -> ItemAnswer:
    as_of, item = sources.now_s, stored.load()
    found = sources.items.evaluate(stored, item, as_of=as_of)
    failure = found if isinstance(found, CodeFailure) else None
    opened = next((fact for fact in item.facts if isinstance(fact, Opened)), None)
    evaluation = Evaluation(opened, stored.stream) if isinstance(found, CodeFailure) else found
    return ItemAnswer(stored.council, stored.stream, stored.name, as_of, item.facts, evaluation, announced, failure)


def target_text(measure: str, within: str) -> str:
    """`Resolution time: within 8 working hours`."""
    words = measure.replace("-", " ").capitalize()
    return f"{words}: by the {within}" if within == "recorded due date" else f"{words}: within {within}"


def verdict_chart(verdict: VerdictReport, *, number: int = 1) -> Markup | None:
    """SVG: the clock's open hours, pauses and closed time, the due instant and the stop; None if it never ran.

    `number` makes its id unique on a page.
    """
    if not verdict.trace:
        return None
    target = target_text(verdict.measure, verdict.within)
    description = text("item.chart_description", day=long_date(verdict.started_at), count=len(verdict.trace))
    return timeline_chart(
        Caption(f"clock-{number}", text("item.chart_title", target=target), description),
        [TimelineSegment(part.start_at, part.end_at, part.kind, part.reason) for part in verdict.trace],
        due=Marker(text("item.due"), verdict.due_at) if verdict.due_at else None,
        stop=Marker(text("item.stopped"), verdict.stopped_at) if verdict.stopped_at else None,
    )


def item_page(item: ItemReport, *, council: str, service: str | None, illustrative: bool, long: bool = False) -> str:
    """One item under the names of its council and service: every verdict with its chart, and all that was published.

    Time is folded to `_MOST_SEGMENTS` rows where it has more, unless `long` asks for each segment.
    """
    verdicts = [
        (
            target_text(verdict.measure, verdict.within),
            verdict,
            verdict_chart(verdict, number=number),
            is_late_by_date(verdict),
        )
        for number, verdict in enumerate(item.verdicts, start=1)
    ]
    rows = [
        None if long or len(verdict.trace) <= _MOST_SEGMENTS else folded(verdict.trace, LONDON, most=_MOST_SEGMENTS)
        for verdict in item.verdicts
    ]
    template = environment("sla_monitor").get_template("item.html")
    return template.render(
        item=item,
        kind=text(STREAM_TEXTS[item.stream]),
        council=council,
        service=service,
        verdicts=verdicts,
        rows=rows,
        illustrative=illustrative,
    )


def items_page(found: Sequence[ItemAnswer], sources: Sources, *, illustrative: bool) -> str:
    """The choice among items that have one id: of several councils, or a ticket and a work item of one."""
    choices = [
        (item_path(each), text(STREAM_TEXTS[each.stream]), sources.catalogue.name(Council, each.council))
        for each in found
    ]
    template = environment("sla_monitor").get_template("items.html")
    return template.render(item=found[0].item, choices=choices, illustrative=illustrative)
