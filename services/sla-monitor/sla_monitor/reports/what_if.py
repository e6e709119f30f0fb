"""A draft laid over every item that is stored, page by page in a worker thread; nothing is stored or announced."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import msgspec

from shared.clock import Clock
from shared.contracts.calendar_rules import calendar_faults, with_bank_holidays
from shared.faults import Fault
from shared.holidays import BankHolidays, shipped_holidays
from sla_monitor.domain.agreements import AgreementIndex, MissingCalendar
from sla_monitor.domain.item import load_item
from sla_monitor.domain.versions import KnownVersion, VersionHistory
from sla_monitor.ports import Catalogue, DecisionsLog
from sla_monitor.store.stored_items import StoredItems
from sla_monitor.trial.draft import Draft, WhatIfFindings, compare_item, draft_faults, with_draft

# Items keep the catalogue of their time: as many drafted books as are asked for in turn.
_BOOKS_HELD = 32


class UnusableDraft(ValueError):
    """The draft cannot be tried; `faults` is all that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class WhatIf:
    """Asks what a draft would have made of the past. One question at a time: the next one waits."""

    def __init__(self, stored: StoredItems, catalogue: Catalogue, rulings: DecisionsLog, clock: Clock) -> None:
        self._stored, self._catalogue, self._rulings, self._clock = stored, catalogue, rulings, clock
        self._turn = asyncio.Lock()

    async def ask(
        self, draft: Draft, *, first_month: str, last_month: str, seen: Callable[[int], None] = lambda _: None
    ) -> WhatIfFindings:
        """What would differ in the months from the first to the last; `seen` is told how many items were looked at.

        Raises `UnusableDraft`.
        """
        known = self._catalogue.known()
        holidays = shipped_holidays()
        if faults := [*draft_faults(draft, known), *_calendar_faults(draft, holidays)]:
            raise UnusableDraft(faults)
        books = _books([*with_draft(known, _resolved(draft, holidays))])
        findings = WhatIfFindings(first_month, last_month, as_of=int(self._clock.now().timestamp()))
        async with self._turn:
            async for page in self._stored.pages():
                await asyncio.to_thread(self._look_at, findings, page, draft, books)
                seen(findings.items)
        return findings

    async def items(self) -> int:
        """How many items there are to look at."""
        return sum([len(page) async for page in self._stored.pages()])

    def _look_at(
        self,
        findings: WhatIfFindings,
        page: Sequence[tuple[str, bytes]],
        draft: Draft,
        books: Callable[[int], AgreementIndex],
    ) -> None:
        for key, blob in page:
            council, _, name = key.partition(":")
            if draft.council not in (None, council):
                continue
            item = load_item(blob)
            try:
                compare_item(
                    findings,
                    item,
                    council=council,
                    name=name,
                    agreement_index=books(item.known_to),
                    exclusions=self._rulings.rulings.approved(council),
                )
            except MissingCalendar:
                continue  # its agreement names a calendar that is not known yet: it is judged by nobody


def _books(known: Sequence[KnownVersion]) -> Callable[[int], AgreementIndex]:
    versions = VersionHistory(known)
    return lru_cache(maxsize=_BOOKS_HELD)(lambda known_to: versions.agreement_index(known_to=known_to))


def _resolved(draft: Draft, holidays: BankHolidays) -> Draft:
    """The draft with its calendars' bank holidays as closed dates, as the catalogue publishes them."""
    return msgspec.structs.replace(
        draft, calendars=tuple(with_bank_holidays(calendar, holidays) for calendar in draft.calendars)
    )


def _calendar_faults(draft: Draft, holidays: BankHolidays) -> Iterator[Fault]:
    for index, calendar in enumerate(draft.calendars):
        resolved = with_bank_holidays(calendar, holidays)
        yield from (fault.below("calendars", index) for fault in calendar_faults(resolved, holidays))
