"""Rules of agreements: never two of one council for one service on one day, or its items would be judged twice."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from catalogue.domain.versions import Catalogue, DefinitionKey
from shared.contracts.credit_rules import credit_faults
from shared.contracts.definitions import EVERY_SERVICE, Agreement, Tariff
from shared.contracts.target_rules import target_faults
from shared.contracts.versions import in_force
from shared.faults import Fault, repeats

MAX_TARGETS = 200


class Coverage(NamedTuple):
    """The days on which an agreement is in force, `until` excluded, and its services."""

    agreement: str
    council: str
    services: frozenset[str]
    since: date
    until: date


def agreement_faults(agreement: Agreement) -> Iterator[Fault]:
    if len(agreement.targets) > MAX_TARGETS:
        yield Fault(("targets",), f"expected at most {MAX_TARGETS} targets in an agreement")
        return
    ids = [target.id for target in agreement.targets]
    yield from (Fault(("targets", index, "id"), "is the id of an earlier target") for index in repeats(ids))
    for index, target in enumerate(agreement.targets):
        yield from (fault.below("targets", index) for fault in target_faults(target))
    yield from (Fault(("tariffs", index), "is listed twice") for index in repeats(agreement.tariffs))
    yield from credit_faults(agreement)


def covers(catalogue: Catalogue) -> Iterator[Coverage]:
    """What each version of each agreement covers."""
    for versions in catalogue.values():
        for found in in_force(versions):
            if isinstance(agreement := found.version.definition, Agreement):
                until = min(found.end_day or date.max, agreement.effective_to or date.max)
                yield Coverage(agreement.id, agreement.council, _services(agreement, catalogue), found.first_day, until)


def overlap_faults(agreement: Agreement, covers: Iterable[Coverage]) -> Iterator[Fault]:
    """Where `agreement`, which `covers` includes, overlaps another one of its council in a service."""
    of_council = [cover for cover in covers if cover.council == agreement.council]
    own = [cover for cover in of_council if cover.agreement == agreement.id]
    others = [cover for cover in of_council if cover.agreement != agreement.id]
    clashes = {other.agreement: _shared(mine, other) for mine in own for other in others if _meet(mine, other)}
    for other, services in sorted(clashes.items()):
        yield Fault((), f"overlaps agreement {other} of the same council for {', '.join(sorted(services))}")


def charged_services(agreement: Agreement, catalogue: Catalogue) -> frozenset[str]:
    """The services that any version of the agreement's tariffs prices."""
    versions = (
        version for tariff in agreement.tariffs for version in catalogue.get(DefinitionKey("tariff", tariff), ())
    )
    return frozenset(version.definition.service for version in versions if isinstance(version.definition, Tariff))


def _services(agreement: Agreement, catalogue: Catalogue) -> frozenset[str]:
    return charged_services(agreement, catalogue).union(target.service for target in agreement.targets)


def _meet(one: Coverage, other: Coverage) -> bool:
    return one.since < other.until and other.since < one.until and bool(_shared(one, other))


def _shared(one: Coverage, other: Coverage) -> frozenset[str]:
    if EVERY_SERVICE in one.services:
        return other.services
    return one.services if EVERY_SERVICE in other.services else one.services & other.services
