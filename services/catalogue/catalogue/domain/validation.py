"""A set of definitions, checked by itself and against what is recorded: every fault at once, as values."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

from catalogue.domain.agreements import agreement_faults, charged_services, covers, overlap_faults
from catalogue.domain.definition_rules import council_faults, partnership_faults, service_faults
from catalogue.domain.party_rules import coding_faults, council_party_faults, provider_faults, vat_faults
from catalogue.domain.privacy_rules import personal_data_faults
from catalogue.domain.submission import Submission, SubmittedDefinition
from catalogue.domain.versions import DEFINITION_TYPES, Catalogue, CatalogueVersion, DefinitionKey, next_version
from shared.contracts.calendar_rules import calendar_faults, calendar_warnings, with_bank_holidays
from shared.contracts.charge_rules import tariff_faults, tariff_warnings
from shared.contracts.definitions import (
    EVERY_SERVICE,
    Agreement,
    AnyDefinition,
    Calendar,
    Council,
    Partnership,
    PriceIndex,
    Provider,
    Service,
    Tariff,
)
from shared.contracts.indexes import figure_faults
from shared.faults import Fault, Path, did_you_mean
from shared.holidays import BankHolidays
from shared.period import YEARS


def faults(submission: Submission, stored: Catalogue, holidays: BankHolidays, at: datetime) -> list[Fault]:
    """All that forbids recording `submission` over `stored`, each once, in no particular order."""
    together = with_recorded(stored, added(submission, stored, holidays, at))
    known = _ids_by_kind([*together, *submission.unreadable])
    covered = list(covers(together))
    found = list(submission.faults)
    for submitted in submission.entries:
        definition = submitted.definition
        of_one = [*_alone(definition, holidays), *_unknown_references(definition, known)]
        of_one += _moved_faults(definition, stored.get(submitted.key, ()))
        if isinstance(definition, Agreement):
            of_one += overlap_faults(definition, covered)
            of_one += _faults_of_charged(definition, together)
        found += map(submitted.source_path.in_input, of_one)
    return list(dict.fromkeys([*found, *_repeated_ids(submission.entries)]))


def warnings(submission: Submission, holidays: BankHolidays, today: date) -> list[Fault]:
    """What may be recorded, but needs a change before long, or a second look before it is signed."""
    return [
        submitted.source_path.in_input(warning)
        for submitted in submission.entries
        for warning in _warnings_of(submitted.definition, holidays, today)
    ]


def added(submission: Submission, stored: Catalogue, holidays: BankHolidays, at: datetime) -> list[CatalogueVersion]:
    """The versions that recording `submission` adds to `stored`, what is referred to before what refers to it."""
    definitions = [_published(submitted.definition, holidays) for submitted in submission.entries]
    versions = [
        version
        for submitted, definition in zip(submission.entries, definitions, strict=True)
        if (version := next_version(definition, stored.get(submitted.key, ()), at)) is not None
    ]
    order = list(DEFINITION_TYPES)
    return sorted(versions, key=lambda version: order.index(version.key.kind))


def with_recorded(
    stored: Catalogue, versions: Sequence[CatalogueVersion]
) -> dict[DefinitionKey, Sequence[CatalogueVersion]]:
    """The catalogue after `versions` were recorded over `stored`."""
    together = dict(stored)
    for version in versions:
        together[version.key] = (*stored.get(version.key, ()), version)
    return together


def _published(definition: AnyDefinition, holidays: BankHolidays) -> AnyDefinition:
    return with_bank_holidays(definition, holidays) if isinstance(definition, Calendar) else definition


def _alone(definition: AnyDefinition, holidays: BankHolidays) -> Iterator[Fault]:
    yield from _period_faults(definition)
    yield from personal_data_faults(definition)
    match definition:
        case Calendar():
            yield from calendar_faults(definition, holidays)
        case Council():
            yield from council_faults(definition)
            yield from council_party_faults(definition)
        case Provider():
            yield from provider_faults(definition)
        case PriceIndex():
            yield from figure_faults(definition.figures)
        case Tariff():
            yield from tariff_faults(definition)
        case Agreement():
            yield from agreement_faults(definition)
        case Partnership():
            yield from partnership_faults(definition)
        case Service():
            yield from service_faults(definition)


def _warnings_of(definition: AnyDefinition, holidays: BankHolidays, today: date) -> Iterator[Fault]:
    match definition:
        case Calendar():
            yield from calendar_warnings(definition, holidays, today)
        case Tariff():
            yield from tariff_warnings(definition)
        case _:
            return


def _moved_faults(definition: AnyDefinition, recorded: Sequence[CatalogueVersion]) -> Iterator[Fault]:
    """What was judged or billed for one council, or counted in one zone, stays so: another one is another id."""
    before = recorded[-1].definition if recorded else None
    match definition, before:
        case Agreement(), Agreement() if definition.council != before.council:
            yield Fault(("council",), f"is {before.council} in the version before: give this agreement another id")
        case Calendar(), Calendar() if definition.zone != before.zone:
            yield Fault(("zone",), f"is {before.zone} in the version before: give this calendar another id")


def _faults_of_charged(agreement: Agreement, together: Catalogue) -> Iterator[Fault]:
    """What is wrong with its VAT treatments and finance codes, which are of the services that it charges for."""
    if any(DefinitionKey("tariff", tariff) not in together for tariff in agreement.tariffs):
        return  # it cannot be read, or has a fault of its own: what it charges for is not known
    versions = together.get(DefinitionKey("provider", agreement.provider), ())
    providers = [version.definition for version in versions if isinstance(version.definition, Provider)]
    charged = charged_services(agreement, together)
    yield from vat_faults(agreement, charged, providers)
    yield from coding_faults(agreement, charged)


def _period_faults(definition: AnyDefinition) -> Iterator[Fault]:
    if definition.effective_from.year not in YEARS:
        yield Fault(("effective_from",), f"expected a date of the years {YEARS[0]} to {YEARS[-1]}")
    effective_to = definition.effective_to if isinstance(definition, Council | Agreement) else None
    if effective_to is not None and effective_to <= definition.effective_from:
        yield Fault(("effective_to",), "expected a date after effective_from")


def _repeated_ids(entries: Sequence[SubmittedDefinition]) -> Iterator[Fault]:
    seen: set[DefinitionKey] = set()
    for entry in entries:
        if entry.key in seen:
            yield entry.source_path.in_input(Fault(("id",), f"another {entry.key.kind} of this input has the same id"))
        seen.add(entry.key)


def _references(definition: AnyDefinition) -> Iterator[tuple[Path, DefinitionKey]]:
    """Each path in `definition` that names another definition, and which."""
    match definition:
        case Council(successors=successors):
            yield from ((("successors", i), DefinitionKey("council", id)) for i, id in enumerate(successors))
        case Tariff(service=service, uplift=uplift):
            yield ("service",), DefinitionKey("service", service)
            if uplift is not None:
                yield ("uplift", "index"), DefinitionKey("index", uplift.index)
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
    for i, each in enumerate(agreement.vat):
        if each.service != EVERY_SERVICE:
            yield ("vat", i, "service"), DefinitionKey("service", each.service)
    for i, coded in enumerate(agreement.coding):
        if coded.service != EVERY_SERVICE:
            yield ("coding", i, "service"), DefinitionKey("service", coded.service)
    for i, target in enumerate(agreement.targets):
        if target.service != EVERY_SERVICE:
            yield ("targets", i, "service"), DefinitionKey("service", target.service)
        if target.calendar is not None:
            yield ("targets", i, "calendar"), DefinitionKey("calendar", target.calendar)


def _unknown_references(definition: AnyDefinition, known: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    """A fault for each reference to what `known` has not."""
    for path, key in _references(definition):
        of_kind = known.get(key.kind, ())
        if key.id not in of_kind:
            yield Fault(path, f"is no known {key.kind}{did_you_mean(key.id, of_kind)}")


def _ids_by_kind(keys: Iterable[DefinitionKey]) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for key in keys:
        ids.setdefault(key.kind, set()).add(key.id)
    return ids
