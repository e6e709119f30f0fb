"""The catalogue that a mapping's `trial` asks for: enough to judge a CSV whose councils and services nobody entered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from shared.contracts.calendar_rules import plain_days
from shared.contracts.definitions import Agreement, AnyDefinition, Calendar, Council, Service, Target
from shared.contracts.thresholds import CalendarDays, CalendarMonths, parse_threshold
from tallystick.replay.fields import IdField, OwnerFields
from tallystick.replay.files import open_table
from tallystick.replay.ids import slug
from tallystick.replay.mapping import ReplayMapping
from tallystick.replay.mapping_schema import AnyItems, MappingContent, Trial
from tallystick.replay.rows import SHOWN_EVERY
from tallystick.replay.table import InvalidRow, LeftOut, Row
from tallystick.replay.targets import targets_from

_CountedBy = Literal["work-completed", "tickets-resolved", "readings"]
_COUNTED_BY: Mapping[str, _CountedBy] = {"ticket": "tickets-resolved", "work": "work-completed"}
_TITLE_LENGTH = 200


def trial_definitions(
    mapping: ReplayMapping, csv_path: Path, *, progressed: Callable[[int], None] = lambda _: None
) -> list[AnyDefinition]:
    """Provider, calendars, services, councils, tariffs, agreements, in an order in which each finds what it names.

    Targets in plain days count the days of the mapping's zone.
    Empty for a mapping without a trial. Reads the whole file once for the names in it; a council or service that only
    refused rows name is there too, and does no harm. `progressed` is as that of `translate`. Raises `UnreadableFile`
    and `UnusableTemplate`.
    """
    trial, content = mapping.content.trial, mapping.content
    if trial is None:
        return []
    found = _names(mapping, csv_path, progressed)
    councils = _councils(trial, found.councils)
    targets = (*trial.targets, *_targets(trial, mapping, found))
    days = _days_of(content.zone)
    if days is not None and any(map(_counts_plain_days, targets)):
        targets = tuple(replace(each, calendar=days.id) if _counts_plain_days(each) else each for each in targets)
        calendars = (*trial.calendars, days)
    else:
        calendars = trial.calendars
    return [
        trial.provider,
        *calendars,
        *_services(trial, found.services, *_counted(content)),
        *councils,
        *trial.tariffs,
        *(_agreement(trial, council, targets) for council in councils),
    ]


@dataclass(frozen=True, slots=True)
class _Names:
    """The texts behind the ids of a file, and how its services' ids are made."""

    councils: Mapping[str, str]
    services: Mapping[str, str]
    service: IdField


def _names(mapping: ReplayMapping, csv_path: Path, progressed: Callable[[int], None]) -> _Names:
    content, form = mapping.content, mapping.content.form
    table = open_table(csv_path, form, needed=content.columns)
    fields = OwnerFields(content, table.header, mapping.lookups)
    councils: dict[str, str] = {}
    services: dict[str, str] = {}
    for number, (_, row) in enumerate(table.rows(), start=1):
        if number % SHOWN_EVERY == 0:
            progressed(form.read.count)
        if not isinstance(row, InvalidRow | LeftOut):
            _note(fields.council, row, councils)
            _note(fields.service, row, services)
    return _Names(councils, services, fields.service)


def _note(field: IdField, row: Row, names: dict[str, str]) -> None:
    try:
        names.setdefault(field(row), field.text(row))
    except InvalidRow:
        return  # `translate` reports it, with its line


def _councils(trial: Trial, found: Mapping[str, str]) -> list[Council]:
    listed = {council.id for council in trial.councils}
    named = [Council(id=made, name=text[:_TITLE_LENGTH]) for made, text in found.items() if made not in listed]
    return [*trial.councils, *named]


def _counted(content: MappingContent) -> tuple[_CountedBy, str]:
    """What the file's services are billed by, and their unit: readings in another one than the service's are not."""
    if isinstance(content, AnyItems):
        return _COUNTED_BY[content.kind], content.kind
    return "readings", content.unit or "reading"


def _services(trial: Trial, found: Mapping[str, str], counted_by: _CountedBy, unit: str) -> list[Service]:
    listed = {service.id for service in trial.services}
    return [
        *trial.services,
        *(
            Service(
                id=made,
                name=text[:_TITLE_LENGTH],
                group=trial.title,
                unit=unit,
                unit_name=unit,
                counted_by=counted_by,
            )
            for made, text in found.items()
            if made not in listed
        ),
    ]


def _targets(trial: Trial, mapping: ReplayMapping, found: _Names) -> list[Target]:
    """Those of the lookup whose service the file has: a target for another would promise nothing."""
    if trial.targets_from is None:
        return []
    made = targets_from(trial.targets_from, mapping.lookups[trial.targets_from.lookup], found.service.id_of)
    return [target for target in made if target.service in found.services]


def _days_of(zone: str) -> Calendar | None:
    """Every hour of every day of the zone; None for the one in which days are counted anyway."""
    days = plain_days(zone)
    return None if days == plain_days() else replace(days, id=f"every-day-{slug(zone)}", name=f"Every day in {zone}")


def _counts_plain_days(target: Target) -> bool:
    """Whether the target is in days of no calendar, which end when the zone's clocks say so."""
    return target.calendar is None and isinstance(parse_threshold(target.within), CalendarDays | CalendarMonths)


def _agreement(trial: Trial, council: Council, targets: tuple[Target, ...]) -> Agreement:
    return Agreement(
        id=council.id,
        council=council.id,
        provider=trial.provider.id,
        title=f"{trial.title}: {council.name}"[:_TITLE_LENGTH],
        targets=targets,
        tariffs=tuple(tariff.id for tariff in trial.tariffs),
    )
