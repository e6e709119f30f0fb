"""What a draft target, calendar or agreement would have made of past months. Nothing is stored or published."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Annotated

import msgspec
from fastapi import APIRouter
from msgspec import Meta, Struct

from shared.auth.roles import Action
from shared.contracts.calendar_rules import calendar_faults, with_bank_holidays
from shared.contracts.scalars import MonthText
from shared.faults import Fault, listed
from shared.holidays import BankHolidays, shipped_holidays
from shared.http import CallerScope, Json, JsonBody, Problem, answers, json_request_body, read_as, requires
from shared.http.problem_types import INVALID_REQUEST
from shared.log.failures import CodeFailure, attempt
from shared.scope import Scope
from sla_monitor.domain.agreements import AgreementIndex, MissingCalendar
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.item import Item
from sla_monitor.domain.versions import VersionHistory
from sla_monitor.reports.sources import Sources
from sla_monitor.store.items import StoredItem, map_pages
from sla_monitor.trial.draft import ChangedVerdict, Draft, WhatIfFindings, compare_item, draft_faults, with_draft

MAX_LISTED = 1000
# Items keep the catalogue of their time: as many indexes with the draft as are asked for in turn.
_INDEXES_CACHED = 32
_Indexes = Callable[[int], AgreementIndex]


class WhatIfRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A draft, and the months to try it on: both are included."""

    draft: Draft
    first_month: MonthText
    last_month: MonthText


class DraftTargetResult(Struct, frozen=True):
    """One council's target over the months, as published and under the draft."""

    council: str
    agreement: str
    target: str
    good: int
    total: int
    misses: int
    draft_good: int
    draft_total: int
    draft_misses: int


class WhatIfAnswer(Struct, frozen=True):
    """`changed` counts all verdicts that would be another; the first of them are listed.

    `failed_items` could not be judged under the draft, and are in no other figure.
    """

    items: int
    failed_items: int
    targets: list[DraftTargetResult]
    changed: int
    listed: Annotated[list[ChangedVerdict], Meta(description=f"at most {MAX_LISTED}")]


class UnusableDraft(ValueError):
    """The draft cannot be tried; `faults` is all that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(listed(faults)))
        self.faults = faults


TYPES = (WhatIfRequest, WhatIfAnswer)


def router(what_if: "WhatIf") -> APIRouter:
    """`/what-if/targets`."""
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.post("/what-if/targets", responses=answers(WhatIfAnswer), openapi_extra=json_request_body(WhatIfRequest))
    async def ask_what_if(caller: CallerScope, body: JsonBody) -> Json:
        """Attainment and misses under the draft, and which verdicts would change. Nothing is stored or published."""
        asked = read_as(body, WhatIfRequest)
        if asked.last_month < asked.first_month:
            raise Problem(INVALID_REQUEST, faults=[Fault(("last_month",), "expected a month not before first_month")])
        try:
            findings = await what_if.ask(
                asked.draft, caller, first_month=asked.first_month, last_month=asked.last_month
            )
        except UnusableDraft as refused:
            raise Problem(INVALID_REQUEST, faults=[fault.below("draft") for fault in refused.faults]) from refused
        return Json(what_if_answer(findings))

    return routes


class WhatIf:
    """Asks what a draft would have made of the past. One question at a time: the next one waits."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._turn = asyncio.Lock()

    async def ask(
        self,
        draft: Draft,
        scope: Scope,
        *,
        first_month: str,
        last_month: str,
        report: Callable[[int], None] = lambda _: None,
    ) -> WhatIfFindings:
        """What would differ in the months from the first to the last; `report` gets the number of items looked at.

        Raises `UnusableDraft`.
        """
        known, holidays = self._sources.catalogue.known(scope), shipped_holidays()
        if faults := [*draft_faults(draft, known), *_calendar_faults(draft, holidays)]:
            raise UnusableDraft(faults)
        history = VersionHistory(with_draft(known, _resolved(draft, holidays)))
        indexes = lru_cache(maxsize=_INDEXES_CACHED)(lambda known_to: history.agreement_index(known_to=known_to))
        findings = WhatIfFindings(first_month, last_month, as_of=self._sources.now_s)
        compare = partial(self._compare_page, findings, indexes)
        async with self._turn:
            pages = self._sources.items.pages(scope.narrowed_to(draft.council))
            async for _ in map_pages(pages, compare):
                report(findings.items)
        return findings

    async def count_items(self, scope: Scope) -> int:
        """How many items in scope there are to look at."""
        return sum([len(page) async for page in self._sources.items.pages(scope)])

    def _compare_page(self, findings: WhatIfFindings, indexes: _Indexes, page: Sequence[StoredItem]) -> None:
        for stored in page:
            item = stored.load()
            drafted = attempt(self._drafted, stored, item, indexes, as_of=findings.as_of)
            if isinstance(drafted, CodeFailure):
                findings.failed_items += 1
            elif drafted is not None:
                compare_item(findings, item, drafted, council=stored.council, name=stored.name)

    def _drafted(self, stored: StoredItem, item: Item, indexes: _Indexes, *, as_of: int) -> Evaluation | None:
        """What would hold of the item; None where its agreement names a calendar that is not known yet."""
        try:
            return evaluate(
                item.facts,
                council=stored.council,
                stream=stored.stream,
                item=stored.name,
                agreement_index=indexes(item.known_to),
                exclusions=self._sources.decisions.current.approved(stored.council),
                as_of=as_of,
            )
        except MissingCalendar:
            return None


def what_if_answer(findings: WhatIfFindings, *, max_listed: int = MAX_LISTED) -> WhatIfAnswer:
    """The findings as the API and the command show them."""
    return WhatIfAnswer(
        items=findings.items,
        failed_items=findings.failed_items,
        targets=[
            DraftTargetResult(
                council=council,
                agreement=agreement,
                target=target,
                good=tally.good,
                total=tally.total,
                misses=tally.total - tally.good,
                draft_good=tally.draft_good,
                draft_total=tally.draft_total,
                draft_misses=tally.draft_total - tally.draft_good,
            )
            for (council, agreement, target), tally in sorted(findings.tallies.items())
        ],
        changed=len(findings.changed),
        listed=findings.changed[:max_listed],
    )


def _resolved(draft: Draft, holidays: BankHolidays) -> Draft:
    """The draft with its calendars' bank holidays as closed dates, as the catalogue publishes them."""
    calendars = tuple(with_bank_holidays(calendar, holidays) for calendar in draft.calendars)
    return msgspec.structs.replace(draft, calendars=calendars)


def _calendar_faults(draft: Draft, holidays: BankHolidays) -> Iterator[Fault]:
    for index, calendar in enumerate(draft.calendars):
        resolved = with_bank_holidays(calendar, holidays)
        yield from (fault.below("calendars", index) for fault in calendar_faults(resolved, holidays))
