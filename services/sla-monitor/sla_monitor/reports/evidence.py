"""A council's month put together as evidence."""

import asyncio
from collections.abc import Sequence

from shared.clock import Clock
from sla_monitor.domain.announcements import compared_fields
from sla_monitor.domain.evidence import (
    FORMAT,
    AnyRecord,
    ExclusionRecord,
    Heading,
    ItemRecord,
    VerdictRecord,
    item_records,
    sealed,
    version_record,
)
from sla_monitor.domain.item import Item, load_item
from sla_monitor.ports import Catalogue, DecisionsLog
from sla_monitor.store.stored_items import StoredItems


class NoSuchCouncil(LookupError):
    """No agreement of the council is known."""


class VerdictsChanging(Exception):
    """Something of the month is being judged at this moment: what holds is not yet what was announced."""


class EvidenceReport:
    """Makes evidence files from live state; changes nothing."""

    def __init__(self, stored: StoredItems, catalogue: Catalogue, rulings: DecisionsLog, clock: Clock) -> None:
        self._stored, self._catalogue, self._rulings, self._clock = stored, catalogue, rulings, clock

    async def evidence(self, council: str, month: str) -> bytes:
        """The file: every verdict that counts in the month, with all that it follows from.

        Raises `NoSuchCouncil` and `VerdictsChanging`.
        """
        if not self._catalogue.agreement_index.knows(council):
            raise NoSuchCouncil(f"no agreement of {council!r} is known")
        made_at = self._clock.now()
        as_of = int(made_at.timestamp())
        records: list[AnyRecord] = [Heading(format=FORMAT, council=council, month=month, made_at=made_at)]
        records += [version_record(known) for known in self._catalogue.known(council)]
        records += [ExclusionRecord(exclusion=agreed) for agreed in self._rulings.rulings.approved(council)]
        found: list[tuple[str, list[ItemRecord | VerdictRecord]]] = []
        async for page in self._stored.pages():
            found += await asyncio.to_thread(self._of_page, page, council, month, as_of)
        for _, of_item in sorted(found, key=lambda each: each[0]):
            records += of_item
        return await asyncio.to_thread(sealed, records)

    def _of_page(
        self, page: Sequence[tuple[str, bytes]], council: str, month: str, as_of: int
    ) -> list[tuple[str, list[ItemRecord | VerdictRecord]]]:
        """The lines of each item that has a verdict in the month."""
        found = []
        for key, blob in page:
            whose, _, name = key.partition(":")
            if whose == council and (records := self._of_item(council, name, load_item(blob), month, as_of)):
                found.append((name, records))
        return found

    def _of_item(self, council: str, name: str, item: Item, month: str, as_of: int) -> list[ItemRecord | VerdictRecord]:
        evaluation = self._stored.evaluate(council, name, item, as_of=as_of)
        records = list(item_records(name, item.facts, evaluation, month=month, as_of=as_of, known_to=item.known_to))
        holds = [compared_fields(record.verdict) for record in records if isinstance(record, VerdictRecord)]
        told = [
            each.verdict for each in item.announced.values() if each.verdict is not None and each.verdict.month == month
        ]
        if sorted(map(str, holds)) != sorted(str(compared_fields(said)) for said in told):
            raise VerdictsChanging(f"{name} is being judged")
        return records
