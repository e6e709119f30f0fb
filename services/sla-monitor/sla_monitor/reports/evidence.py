"""The evidence behind a council's month, as one file that can be judged again offline."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from shared.auth.roles import Action
from shared.faults import did_you_mean
from shared.http import MonthParameter, MonthScope, PathId, Problem, refuses, requires
from shared.http.problem_types import CONFLICT, NOT_FOUND
from shared.instants import epoch_s
from shared.log.failures import CodeFailure
from shared.period import Month, require_begun
from shared.scope import Scope
from sla_monitor.domain.announcements import compared_fields
from sla_monitor.domain.evidence import (
    FORMAT,
    AnyRecord,
    ExclusionRecord,
    FailedRecord,
    Heading,
    ItemRecord,
    NoSuchCouncil,
    VerdictRecord,
    VerdictsChanging,
    failed_record,
    item_records,
    sealed,
    version_record,
)
from sla_monitor.domain.item import Item
from sla_monitor.reports.sources import Sources
from sla_monitor.store.items import StoredItem, map_pages

# JSON Lines has no registered media type; this one is in common use.
JSON_LINES = "application/jsonl"
TYPES: tuple[type, ...] = ()
_EVIDENCE: dict[int | str, dict[str, Any]] = {
    200: {"description": "One record a line; the last one is the seal", "content": {JSON_LINES: {}}}
}
_ItemRecords = list[ItemRecord | VerdictRecord | FailedRecord]


def router(sources: Sources) -> APIRouter:
    """`/evidence/{council}/{month}`."""
    routes = APIRouter(dependencies=[requires(Action.READ_EVIDENCE)])

    @routes.get(
        "/evidence/{council}/{month}",
        response_class=Response,
        responses=_EVIDENCE | refuses(CONFLICT),
    )
    async def export_evidence(council: PathId, caller: MonthScope, month: MonthParameter) -> Response:
        """Facts, versions, exclusions and verdicts of a month: `tallystick verify` judges it again."""
        try:
            content = await evidence(sources, caller, council=council, month=month)
        except NoSuchCouncil as refused:
            raise Problem(NOT_FOUND) from refused
        except VerdictsChanging as refused:
            raise Problem(CONFLICT, f"{refused}: ask again in a moment") from refused
        name = f"evidence-{council}-{month}.jsonl"
        return Response(
            content, media_type=JSON_LINES, headers={"Content-Disposition": f'attachment; filename="{name}"'}
        )

    return routes


async def evidence(sources: Sources, scope: Scope, *, council: str, month: Month) -> bytes:
    """The file: every verdict that counts in the month, with all that it follows from, and what could not be judged.

    Raises `NoSuchCouncil`, also for a council out of scope, `MonthNotBegun` and `VerdictsChanging`.
    """
    require_begun(month, now=sources.clock.now())
    if not (scope.allows(council) and sources.catalogue.agreement_index.knows(council)):
        near = did_you_mean(council, scope.visible(sources.catalogue.agreement_index.councils))
        raise NoSuchCouncil(f"no agreement of {council!r} is known{near}")
    if council in (await sources.items.failures(scope)).held:
        raise VerdictsChanging(f"so many items of {council} failed that others are not judged until it is corrected")
    made_at = sources.clock.now()
    as_of = epoch_s(made_at)
    records: list[AnyRecord] = [Heading(format=FORMAT, council=council, month=str(month), made_at=made_at)]
    records += [version_record(version) for version in sources.catalogue.known(Scope.of(council))]
    records += [ExclusionRecord(exclusion=excluded) for excluded in sources.decisions.current.approved(council)]

    def of_page(page: Sequence[StoredItem]) -> list[tuple[tuple[str, str], _ItemRecords]]:
        return list(_page_records(sources, page, str(month), as_of))

    pages = sources.items.pages(Scope.of(council), month=str(month))
    found = [each async for page in map_pages(pages, of_page) for each in page]
    for _, of_item in sorted(found, key=lambda each: each[0]):
        records += of_item
    return await asyncio.to_thread(sealed, records)


def _page_records(
    sources: Sources, page: Sequence[StoredItem], month: str, as_of: int
) -> Iterator[tuple[tuple[str, str], _ItemRecords]]:
    """By item and stream, the lines of each item with a verdict in the month, and of each that could not be judged."""
    for stored in page:
        if records := _item_records(sources, stored, stored.load(), month, as_of):
            yield (stored.name, stored.stream), records


def _item_records(sources: Sources, stored: StoredItem, item: Item, month: str, as_of: int) -> _ItemRecords:
    evaluation = sources.items.evaluate(stored, item, as_of=as_of)
    if isinstance(evaluation, CodeFailure):
        return [failed_record(stored.name, item.facts, error=evaluation.error, place=evaluation.place)]
    records: _ItemRecords = list(
        item_records(
            stored.name,
            item.facts,
            evaluation,
            month=month,
            as_of=as_of,
            known_to=item.known_to,
            otherwise=sources.items.had_nothing_been_withdrawn(stored, item, as_of=as_of),
        )
    )
    holding = [record.verdict for record in records if isinstance(record, VerdictRecord)]
    published = [
        each.verdict for each in item.announced.values() if each.verdict is not None and each.verdict.month == month
    ]
    if sorted(str(compared_fields(each)) for each in holding) != sorted(
        str(compared_fields(each)) for each in published
    ):
        raise VerdictsChanging(f"{stored.name} is being judged")
    return records
