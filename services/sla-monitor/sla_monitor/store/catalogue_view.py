"""The catalogue's log, read from its beginning into memory: it is compacted, small, and holds every version."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache

from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Agreement, Council, Partnership, Service
from shared.contracts.topics import CATALOGUE
from shared.log.port import Bus, Record
from shared.scope import Scope
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.versions import CatalogueHistory, KnownVersion
from sla_monitor.store.whole_log import WholeLog

# Ended items keep the catalogue of their time; few of those are asked for in a row.
_BOOKS_HELD = 32


class CatalogueView:
    """`sla_monitor.ports.Catalogue`, kept current by `run`."""

    def __init__(self, bus: Bus) -> None:
        self._log = WholeLog(bus, CATALOGUE, self._take)
        self._history = CatalogueHistory()
        self.heartbeat = self._log.heartbeat
        self.position = 0
        self.agreement_index: AgreementIndex = self._history.versions.agreement_index(known_to=0)
        self._book_known_to = lru_cache(maxsize=_BOOKS_HELD)(
            lambda position: self._history.versions.agreement_index(known_to=position)
        )

    async def catch_up(self) -> None:
        """Whatever the catalogue's log holds now is known."""
        await self._log.catch_up()

    async def run(self, stop: asyncio.Event) -> None:
        """Changes are known soon after they are published, until `stop` is set."""
        await self._log.run(stop)

    def book_known_to(self, position: int) -> AgreementIndex:
        """All agreements as known at a position."""
        return self.agreement_index if position >= self.position else self._book_known_to(position)

    def known(self, council: str | None = None) -> list[KnownVersion]:
        """Every version that bears on the verdicts, of one council where it is named, with where it is known from."""
        return self._history.versions.all(Scope.all().narrowed_to(council))

    def partnerships(self) -> list[Partnership]:
        """The newest version of each partnership."""
        return self._history.partnerships()

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called now; its id while it is not known."""
        return self._history.name(kind, id_)

    def agreements(self, council: str) -> list[Agreement]:
        """The newest version of each agreement of a council."""
        return self._history.versions.newest_agreements(council)

    def _take(self, records: Sequence[Record]) -> None:
        news = False
        for record in records:
            event = decode_event(record.value or b"")
            news |= isinstance(event, CatalogueEvent) and self._history.add(event, position=record.offset + 1)
        if news:
            self.position = records[-1].offset + 1
            self.agreement_index = self._history.versions.agreement_index(known_to=self.position)
