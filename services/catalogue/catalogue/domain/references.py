"""Which ids a definition refers to, and which of them nothing defines."""

from collections.abc import Collection, Iterator

from catalogue.domain.agreements import EVERY_SERVICE
from catalogue.domain.kinds import DefinitionKey
from shared.contracts.definitions import Agreement, AnyDefinition, Council, Partnership, Tariff
from shared.faults import Fault, Path, did_you_mean


def references(definition: AnyDefinition) -> Iterator[tuple[Path, DefinitionKey]]:
    """Each place in `definition` that names another definition, and which."""
    match definition:
        case Council(successors=successors):
            yield from ((("successors", i), DefinitionKey("council", id)) for i, id in enumerate(successors))
        case Tariff(service=service):
            yield ("service",), DefinitionKey("service", service)
        case Agreement():
            yield from _of_agreement(definition)
        case Partnership(provider=provider, councils=councils):
            yield ("provider",), DefinitionKey("provider", provider)
            yield from ((("councils", i), DefinitionKey("council", id)) for i, id in enumerate(councils))
        case _:
            return


def _of_agreement(agreement: Agreement) -> Iterator[tuple[Path, DefinitionKey]]:
    yield ("council",), DefinitionKey("council", agreement.council)
    yield ("provider",), DefinitionKey("provider", agreement.provider)
    yield from ((("tariffs", i), DefinitionKey("tariff", id)) for i, id in enumerate(agreement.tariffs))
    for i, target in enumerate(agreement.targets):
        if target.service != EVERY_SERVICE:
            yield ("targets", i, "service"), DefinitionKey("service", target.service)
        if target.calendar is not None:
            yield ("targets", i, "calendar"), DefinitionKey("calendar", target.calendar)


def unknown_references(definition: AnyDefinition, known: Collection[DefinitionKey]) -> Iterator[Fault]:
    """A fault for each reference to what `known` has not."""
    for path, key in references(definition):
        if key not in known:
            of_kind = [other.id for other in known if other.kind == key.kind]
            yield Fault(path, f"is no known {key.kind}{did_you_mean(key.id, of_kind)}")
