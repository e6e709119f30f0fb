"""Logs of one partition that are read whole into memory, from their beginning: the catalogue, and the decisions."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from shared.bus.log_view import LogView
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.codec import decode_event, encode_event
from shared.contracts.decisions import DecisionEvent, council_of_decision
from shared.contracts.definitions import Agreement, Council, Partnership, Service
from shared.contracts.proposals import ProposalData, ProposalUpdated
from shared.contracts.topics import CATALOGUE, DECISIONS
from shared.log.port import Bus, Message, Record
from shared.scope import Scope
from sla_monitor.domain.agreements import AgreementIndex
from sla_monitor.domain.decisions import Decisions
from sla_monitor.domain.versions import CatalogueHistory, KnownVersion

_READER = "sla-monitor"
# Ended items keep the catalogue of their time; few of those are asked for in a row.
_INDEXES_CACHED = 32


class CatalogueView(LogView):
    """`sla_monitor.ports.Catalogue`: the log is compacted, small, and holds every version."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus, CATALOGUE, self._add, reader=_READER)
        self._history = CatalogueHistory()
        self._proposals: dict[str, ProposalData] = {}
        self.position = 0
        self.agreement_index: AgreementIndex = self._history.versions.agreement_index(known_to=0)
        self._earlier_index = lru_cache(maxsize=_INDEXES_CACHED)(
            lambda position: self._history.versions.agreement_index(known_to=position)
        )

    def agreement_index_known_to(self, position: int) -> AgreementIndex:
        return self.agreement_index if position >= self.position else self._earlier_index(position)

    def known(self, scope: Scope) -> list[KnownVersion]:
        return self._history.versions.all(scope)

    def partnerships(self, scope: Scope) -> list[Partnership]:
        return [each for each in self._history.partnerships() if all(map(scope.allows, each.councils))]

    def agreements(self, scope: Scope) -> list[Agreement]:
        councils = scope.visible(self.agreement_index.councils)
        return [each for council in councils for each in self._history.versions.newest_agreements(council)]

    def name(self, kind: type[Council | Service], id_: str) -> str:
        return self._history.name(kind, id_)

    def ids(self, kind: type[Council | Service]) -> list[str]:
        return self._history.ids(kind)

    def proposals(self) -> Mapping[str, ProposalData]:
        return self._proposals

    def version_counts(self) -> dict[str, int]:
        return self._history.counts()

    def _add(self, records: Sequence[Record]) -> None:
        before = self.position
        for record in records:
            event, after = decode_event(record.value or b""), record.offset + 1
            if isinstance(event, CatalogueEvent):
                # Not past what changes no verdict: whoever reads it in other batches comes to the same position.
                if self._history.add(event, position=after):
                    self.position = after
            elif isinstance(event, ProposalUpdated) and (
                event.subject not in self._proposals or event.data.decided is not None
            ):
                self._proposals[event.subject] = event.data
        if self.position > before:
            self.agreement_index = self._history.versions.agreement_index(known_to=self.position)


def decision_key(event: DecisionEvent) -> str:
    """The key of a decision's record, another for each step: what compaction keeps are all of them."""
    _, kind, step, _ = str(event.__struct_config__.tag).split(".")
    return f"{kind}:{council_of_decision(event) or ''}:{event.subject}:{step}"


class DecisionsView(LogView):
    """`sla_monitor.ports.DecisionsLog`."""

    def __init__(self, bus: Bus) -> None:
        super().__init__(bus, DECISIONS, self._add, reader=_READER)
        self.current = Decisions()
        self.position = 0

    async def append(self, event: DecisionEvent) -> None:
        await self._bus.publish(DECISIONS.name, [Message(decision_key(event), encode_event(event))])
        await self.catch_up()

    def _add(self, records: Sequence[Record]) -> None:
        for record in records:
            event = decode_event(record.value or b"")
            if not isinstance(event, DecisionEvent):
                raise TypeError(f"expected a decision at offset {record.offset}, got {type(event).__name__}")
            if self.current.apply(event, position=record.offset + 1):
                self.position = record.offset + 1
