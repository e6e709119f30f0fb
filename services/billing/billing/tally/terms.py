"""The definitions that a statement follows, as records of a tally and back: the council's own, and what all share."""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from billing.domain.metering import DefinitionKind
from billing.domain.terms import D, DefinitionVersions, Terms
from billing.tally.records import TallyDefinition
from shared.contracts import codec
from shared.contracts.definitions import Agreement, AnyDefinition, Council, Provider, Service, Tariff
from shared.contracts.versions import DefinitionVersion

_TYPES: Mapping[DefinitionKind, type[AnyDefinition]] = {
    "council": Council,
    "service": Service,
    "provider": Provider,
    "agreement": Agreement,
    "tariff": Tariff,
}


class DefinitionFault(ValueError):
    """A definition in a tally is none; the message says which and why."""


def definition_records(terms: Terms, council: str) -> Iterator[TallyDefinition]:
    """By kind, id and version: the council, its agreements with their providers and tariffs, and every service.

    Of an agreement that passed from one council to another every version is here: only so is it known when it did.
    No partnership is, for it names the others.
    """
    agreements = terms.agreements.matching(lambda each: each.council == council)
    versions = [version.definition for id_ in agreements.ids() for version in agreements.of(id_)]
    tariffs = {tariff for each in versions for tariff in each.tariffs}
    providers = {each.provider for each in versions}
    yield from _records("council", terms.councils, [council])
    yield from _records("service", terms.services, terms.services.ids())
    yield from _records("provider", terms.providers, sorted(providers))
    yield from _records("agreement", agreements, agreements.ids())
    yield from _records("tariff", terms.tariffs, sorted(tariffs))


def terms_of(records: Iterable[TallyDefinition]) -> Terms:
    """The terms that the records say; raises `DefinitionFault`."""
    found: dict[DefinitionKind, list[DefinitionVersion[AnyDefinition]]] = {kind: [] for kind in _TYPES}
    for record in records:
        found[record.of].append(DefinitionVersion(record.version, _definition(record)))
    return Terms(
        councils=_versions(found["council"], Council),
        services=_versions(found["service"], Service),
        providers=_versions(found["provider"], Provider),
        agreements=_versions(found["agreement"], Agreement),
        tariffs=_versions(found["tariff"], Tariff),
    )


def _records(kind: DefinitionKind, versions: DefinitionVersions[D], ids: Iterable[str]) -> Iterator[TallyDefinition]:
    for id_ in ids:
        for version in sorted(versions.of(id_), key=lambda each: each.number):
            content = msgspec.Raw(codec.canonical_json(version.definition))
            yield TallyDefinition(of=kind, version=version.number, content=content)


def _definition(record: TallyDefinition) -> AnyDefinition:
    type_ = _TYPES.get(record.of)
    if type_ is None:
        raise DefinitionFault(f"a {record.of} is no part of a tally")
    try:
        found = msgspec.json.decode(record.content, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise DefinitionFault(f"a {record.of} is not as it must be: {fault}") from None
    if codec.canonical_json(found) != bytes(record.content):
        raise DefinitionFault(f"the {record.of} {found.id} is not in canonical form")
    return found


def _versions(found: Iterable[DefinitionVersion[AnyDefinition]], type_: type[D]) -> DefinitionVersions[D]:
    return DefinitionVersions(
        DefinitionVersion(each.number, each.definition) for each in found if isinstance(each.definition, type_)
    )
