"""A set of definitions, checked by itself and against what is recorded: every fault at once, as values."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from catalogue.domain.agreements import agreement_faults, covers, overlap_faults
from catalogue.domain.councils import council_faults, partnership_faults
from catalogue.domain.kinds import DefinitionKey, rank
from catalogue.domain.references import unknown_references
from catalogue.domain.submission import Submission, SubmittedDefinition
from catalogue.domain.tariffs import tariff_faults
from catalogue.domain.versions import Catalogue, CatalogueVersion, next_version
from shared.contracts.calendar_rules import calendar_faults, calendar_warnings, with_bank_holidays
from shared.contracts.definitions import Agreement, AnyDefinition, Calendar, Council, Partnership, Tariff
from shared.faults import Fault
from shared.holidays import BankHolidays
from shared.period import YEARS


def faults(submission: Submission, stored: Catalogue, holidays: BankHolidays, at: datetime) -> list[Fault]:
    """All that forbids recording `submission` over `stored`, each once, in no particular order."""
    together = with_recorded(stored, added(submission, stored, holidays, at))
    known = {*together, *submission.unreadable}
    covered = list(covers(together))
    found = list(submission.faults)
    for placed in submission.entries:
        definition = placed.definition
        of_one = [*_alone(definition, holidays), *unknown_references(definition, known)]
        if isinstance(definition, Agreement):
            of_one += overlap_faults(definition, covered)
        found += map(placed.source_path.outside, of_one)
    return list(dict.fromkeys([*found, *_doubled(submission.entries)]))


def warnings(submission: Submission, holidays: BankHolidays, today: date) -> list[Fault]:
    """What may be recorded, but will not do for long."""
    return [
        placed.source_path.outside(warning)
        for placed in submission.entries
        if isinstance(placed.definition, Calendar)
        for warning in calendar_warnings(placed.definition, holidays, today)
    ]


def added(submission: Submission, stored: Catalogue, holidays: BankHolidays, at: datetime) -> list[CatalogueVersion]:
    """The versions that recording `submission` adds to `stored`, what is referred to before what refers to it."""
    definitions = [_published(placed.definition, holidays) for placed in submission.entries]
    versions = [
        version
        for placed, definition in zip(submission.entries, definitions, strict=True)
        if (version := next_version(definition, stored.get(placed.key, ()), at)) is not None
    ]
    return sorted(versions, key=lambda version: rank(version.kind))


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
    match definition:
        case Calendar():
            yield from calendar_faults(definition, holidays)
        case Council():
            yield from council_faults(definition)
        case Tariff():
            yield from tariff_faults(definition)
        case Agreement():
            yield from agreement_faults(definition)
        case Partnership():
            yield from partnership_faults(definition)
        case _:
            return


def _period_faults(definition: AnyDefinition) -> Iterator[Fault]:
    if definition.effective_from.year not in YEARS:
        yield Fault(("effective_from",), f"expected a date of the years {YEARS[0]} to {YEARS[-1]}")
    effective_to = definition.effective_to if isinstance(definition, Council | Agreement) else None
    if effective_to is not None and effective_to <= definition.effective_from:
        yield Fault(("effective_to",), "expected a date after effective_from")


def _doubled(placed: Sequence[SubmittedDefinition]) -> Iterator[Fault]:
    seen: set[DefinitionKey] = set()
    for entry in placed:
        if entry.key in seen:
            yield entry.source_path.outside(Fault(("id",), f"another {entry.key.kind} of this input has the same id"))
        seen.add(entry.key)
