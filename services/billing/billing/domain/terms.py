"""What was in force when: the catalogue's versions, and the days of a month that each tariff version prices."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import Generic, TypeVar

from shared.contracts.definitions import Agreement, Council, Partnership, Provider, Service, Tariff
from shared.contracts.versions import DefinitionVersion, version_on
from shared.period import Month
from shared.scope import Scope

D = TypeVar("D", Agreement, Council, Partnership, Provider, Service, Tariff)


@dataclass(frozen=True, slots=True)
class TariffPeriod:
    """The days `[first_day, end_day)` of a month in which one tariff version prices a service under one agreement."""

    agreement: str
    tariff: DefinitionVersion[Tariff]
    first_day: date
    end_day: date

    @property
    def days(self) -> int:
        """How many local dates it covers."""
        return (self.end_day - self.first_day).days

    @property
    def _terms(self) -> tuple[str, str, int]:
        return self.agreement, self.tariff.definition.id, self.tariff.number

    def continues(self, earlier: "TariffPeriod") -> bool:
        """Whether it begins on the day that `earlier` ends, on the same terms."""
        return earlier.end_day == self.first_day and earlier._terms == self._terms


class DefinitionVersions(Generic[D]):
    """All versions of the definitions of one kind."""

    def __init__(self, versions: Iterable[DefinitionVersion[D]]) -> None:
        self._by_id: dict[str, list[DefinitionVersion[D]]] = {}
        for version in versions:
            self._by_id.setdefault(version.definition.id, []).append(version)

    def matching(self, wanted: Callable[[D], bool]) -> "DefinitionVersions[D]":
        """Every version of the ids of which any version's definition is `wanted`."""
        found = (versions for versions in self._by_id.values() if any(wanted(each.definition) for each in versions))
        return DefinitionVersions(version for versions in found for version in versions)

    def ids(self) -> Sequence[str]:
        """Every id, ascending."""
        return sorted(self._by_id)

    def of(self, id_: str) -> Sequence[DefinitionVersion[D]]:
        """The versions of an id in any order; empty for an unknown one."""
        return self._by_id.get(id_, ())

    def on(self, id_: str, day: date) -> DefinitionVersion[D] | None:
        """The version in force on `day`; None before the first."""
        return version_on(self.of(id_), day)


@dataclass(frozen=True, slots=True)
class Terms:
    """The catalogue as billing knows it."""

    councils: DefinitionVersions[Council] = field(default_factory=lambda: DefinitionVersions(()))
    services: DefinitionVersions[Service] = field(default_factory=lambda: DefinitionVersions(()))
    providers: DefinitionVersions[Provider] = field(default_factory=lambda: DefinitionVersions(()))
    agreements: DefinitionVersions[Agreement] = field(default_factory=lambda: DefinitionVersions(()))
    tariffs: DefinitionVersions[Tariff] = field(default_factory=lambda: DefinitionVersions(()))
    partnerships: DefinitionVersions[Partnership] = field(default_factory=lambda: DefinitionVersions(()))

    def visible(self, scope: Scope) -> "Terms":
        """The terms of the councils in `scope`: without other councils, and without agreements made with these alone.

        An agreement that another council took over stays whole: it is in force with the council of its latest version.
        """
        if scope.councils is None:
            return self
        return replace(
            self,
            councils=self.councils.matching(lambda council: scope.allows(council.id)),
            agreements=self.agreements.matching(lambda agreement: scope.allows(agreement.council)),
        )

    def agreements_on(self, council: str, day: date) -> list[DefinitionVersion[Agreement]]:
        """The council's agreements in force on `day`, by id."""
        found = (self.agreements.on(id_, day) for id_ in self._agreement_ids(council))
        return [version for version in found if version is not None and _covers(version.definition, council, day)]

    def agreements_in(self, council: str, month: Month) -> list[DefinitionVersion[Agreement]]:
        """Those in force on any day of `month`, each in its latest version of the month, by id."""
        latest = {
            version.definition.id: version
            for day in self._turning_days(council, month)
            for version in self.agreements_on(council, day)
        }
        return [latest[id_] for id_ in sorted(latest)]

    def partnerships_of(self, council: str, month: Month) -> tuple[Partnership, ...]:
        """Those of which the council is a member on the last day of `month`, by id."""
        found = (self.partnerships.on(id_, closing_day(month)) for id_ in self.partnerships.ids())
        return tuple(each.definition for each in found if each is not None and council in each.definition.councils)

    def tariff_periods(self, council: str, month: Month) -> list[TariffPeriod]:
        """Who priced what when: ascending by service, tariff and day.

        Those of one tariff do not overlap, unless two agreements name it for the same days; the catalogue refuses that.
        """
        days = [*self._turning_days(council, month), month.next.first_day]
        pieces = [
            TariffPeriod(agreement.definition.id, tariff, first, end)
            for first, end in pairwise(days)
            for agreement in self.agreements_on(council, first)
            for tariff in self._tariffs_on(agreement.definition, first)
        ]
        pieces.sort(key=lambda piece: (piece.tariff.definition.service, piece.tariff.definition.id, piece.first_day))
        return _joined(pieces)

    def _agreement_ids(self, council: str) -> Sequence[str]:
        """Agreements of which any version is made with `council`, by id."""
        return self.agreements.matching(lambda agreement: agreement.council == council).ids()

    def _tariffs_on(self, agreement: Agreement, day: date) -> list[DefinitionVersion[Tariff]]:
        found = (self.tariffs.on(id_, day) for id_ in agreement.tariffs)
        return [version for version in found if version is not None]

    def _turning_days(self, council: str, month: Month) -> list[date]:
        """The month's first day and every later day of it on which the terms of `council` can change."""
        agreements = [known.definition for id_ in self._agreement_ids(council) for known in self.agreements.of(id_)]
        tariffs = {tariff for agreement in agreements for tariff in agreement.tariffs}
        turns = {agreement.effective_from for agreement in agreements}
        turns |= {agreement.effective_to for agreement in agreements if agreement.effective_to is not None}
        turns |= {known.definition.effective_from for id_ in tariffs for known in self.tariffs.of(id_)}
        return [month.first_day, *sorted(day for day in turns if month.first_day < day < month.next.first_day)]


def closing_day(month: Month) -> date:
    """The day as of which a month's statement names councils, providers, services and their units: its last."""
    return month.first_day.replace(day=month.days)


def _covers(agreement: Agreement, council: str, day: date) -> bool:
    return agreement.council == council and (agreement.effective_to is None or day < agreement.effective_to)


def _joined(pieces: Iterable[TariffPeriod]) -> list[TariffPeriod]:
    """Neighbouring pieces on the same terms made one: a turning day need not have changed these."""
    joined: list[TariffPeriod] = []
    for piece in pieces:
        if joined and piece.continues(joined[-1]):
            joined[-1] = replace(joined[-1], end_day=piece.end_day)
        else:
            joined.append(piece)
    return joined
