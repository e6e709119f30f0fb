"""All that is wrong with a document that tries a tariff: of each part by itself, then of the parts together."""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from billing.trial.charges import months_read, periods_of
from billing.trial.document import AttainedTarget, TariffDocument, TrialUsage
from billing.trial.questions import DaysBetween, question_faults, vat_faults
from shared.contracts.calendar_rules import is_time_zone
from shared.contracts.charge_rules import tariff_faults
from shared.contracts.credit_rules import credit_faults
from shared.contracts.definitions import Agreement, Target
from shared.contracts.meters import QUANTITY, meter_faults
from shared.faults import Fault, Path, did_you_mean, repeats
from shared.period import LONDON, Month
from shared.validation import InvalidValue, validated
from shared.written_time import InvalidTime, read_time

_OF_A_TARIFF = (
    *("month", "starts", "ends", "counted_by", "usage", "before", "slices"),
    *("credits", "vat", "vat_by_charge"),
)
_DATE_LENGTH = len("2026-01-01")


def read_document(value: object) -> TariffDocument:
    """The document that a plain value is; raises `InvalidValue` with all that is wrong with it."""
    document = validated(value, TariffDocument)
    faults = [fault for rule in _RULES for fault in rule(document)]
    if not faults:
        faults = [fault for rule in _TOGETHER for fault in rule(document)]
    if faults:
        raise InvalidValue(faults)
    return document


def _zone(document: TariffDocument) -> Iterator[Fault]:
    yield from _zone_faults(document.zone, ("zone",))
    for index, question in enumerate(document.questions):
        if question.days_between is not None and question.days_between.zone is not None:
            yield from _zone_faults(question.days_between.zone, ("questions", index, "days_between", "zone"))


def _zone_faults(zone: str, at: Path) -> Iterator[Fault]:
    if not is_time_zone(zone):
        yield Fault(at, "expected a zone like Europe/London")


def _tariffs(document: TariffDocument) -> Iterator[Fault]:
    places: list[Path] = [] if document.tariff is None else [("tariff",)]
    places += [("tariffs", index) for index in range(len(document.tariffs))]
    first = document.versions[0] if document.versions else None
    for at, version in zip(places, document.versions, strict=True):
        yield from (fault.below(*at) for fault in tariff_faults(version))
        if first is not None and (version.id, version.service) != (first.id, first.service):
            yield Fault((*at, "id"), "is of another tariff: all are versions of one")
    begins = [str(version.effective_from) for version in document.versions]
    yield from (Fault((*places[index], "effective_from"), "is that of an earlier version") for index in repeats(begins))


def _questions(document: TariffDocument) -> Iterator[Fault]:
    for index, question in enumerate(document.questions):
        found = [*question_faults(question)]
        if isinstance(question.days_between, DaysBetween):
            found += _span_faults(question.days_between)
        yield from (fault.below("questions", index) for fault in found)


def _span_faults(asked: DaysBetween) -> Iterator[Fault]:
    for name, text in (("starts", asked.starts), ("ends", asked.ends)):
        try:
            date.fromisoformat(text) if len(text) == _DATE_LENGTH else read_time(text)
        except (InvalidTime, ValueError) as fault:
            yield Fault(("days_between", name), str(fault))


def _meter(document: TariffDocument) -> Iterator[Fault]:
    meter = document.counted_by
    if meter is None:
        return
    yield from (fault.below("counted_by") for fault in meter_faults(meter))
    if meter.once_per_item:
        yield Fault(("counted_by", "once_per_item"), "has no effect here: write each item once")
    if document.zone != LONDON.key:
        yield Fault(("zone",), f"expected {LONDON.key}, whose days meters count")
    reads_quantities = meter.aggregate != "unique" and meter.of == QUANTITY and not meter.when
    for at, usage in document.all_usage:
        if usage.events is None and not reads_quantities:
            yield Fault(at, "expected events: the meter reads what each of them says")


def _usages(document: TariffDocument) -> Iterator[Fault]:
    for at, usage in document.all_usage:
        if sum(way is not None for way in (usage.quantity, usage.by_day, usage.events)) != 1:
            yield Fault(at, "expected exactly one of quantity, by_day and events")
        for index, event in enumerate(usage.events or ()):
            try:
                read_time(event.at)
            except InvalidTime as fault:
                yield Fault((*at, "events", index, "at"), str(fault))


def _purpose(document: TariffDocument) -> Iterator[Fault]:
    if document.versions and document.month is None:
        yield Fault(("month",), "is missing: say which month to rate")
    if not document.versions:
        if not document.questions:
            yield Fault((), "asks nothing: give a tariff and a month, or questions")
        for name in _OF_A_TARIFF:
            if getattr(document, name):
                yield Fault((name,), "has an effect only with a tariff")
    if document.usage is not None and document.slices:
        yield Fault(("usage",), "expected usage or slices, not both")
    if document.before is not None and not document.slices:
        yield Fault(("before",), "has an effect only with slices: it is what was rated before the first")


def _days(document: TariffDocument) -> Iterator[Fault]:
    """Days of usage on which nothing prices it: they would silently cost nothing."""
    if document.month is None:
        return
    months = months_read(document)
    if not periods_of(document, Month.parse(document.month)):
        yield Fault(("month",), "the tariff is in force on no day of it")
        return
    periods = [period for month in months for period in periods_of(document, month)]
    for at, usage in document.all_usage:
        for path, day in _days_of(usage, document.wall_zone):
            if _is_level_before(document, day):
                continue
            if not any(period.first_day <= day < period.end_day for period in periods):
                yield Fault((*at, *path), f"{day} is priced by no version in what is rated")


def _is_level_before(document: TariffDocument, day: date) -> bool:
    """Whether a reading of the day is the level with which the month begins, and no usage of its own."""
    meter = document.counted_by
    is_averaged = meter is not None and meter.aggregate == "time-weighted-average"
    return is_averaged and day < Month.parse(document.month or "").first_day


def _days_of(usage: TrialUsage, zone: ZoneInfo) -> Iterator[tuple[Path, date]]:
    yield from ((("by_day", str(day)), day) for day in usage.by_day or {})
    for index, event in enumerate(usage.events or ()):
        yield ("events", index, "at"), read_time(event.at).on(zone).astimezone(zone).date()


def _credits(document: TariffDocument) -> Iterator[Fault]:
    names = [each.id for each in document.attained]
    yield from (Fault(("attained", index, "id"), "is the id of an earlier target") for index in repeats(names))
    for index, each in enumerate(document.attained):
        if each.good > each.total:
            yield Fault(("attained", index, "good"), "expected at most total")
    if document.credits is None:
        if document.attained:
            yield Fault(("attained",), "has an effect only with credits")
        return
    targets = tuple(map(_target, document.attained))
    agreement = Agreement(
        id="agreement", council="council", provider="provider", title="Trial", targets=targets, credits=document.credits
    )
    yield from credit_faults(agreement)


def _target(attained: AttainedTarget) -> Target:
    return Target(
        id=attained.id, service="service", measure="resolution-time", within="1 day", objective=attained.objective
    )


def _vat(document: TariffDocument) -> Iterator[Fault]:
    if document.vat is not None:
        yield from (fault.below("vat") for fault in vat_faults(document.vat))
    elif document.vat_by_charge:
        yield Fault(("vat",), "is missing: it is of whatever vat_by_charge does not name")
    names = {charge.name for version in document.versions for charge in version.charges}
    for name, terms in document.vat_by_charge.items():
        yield from (fault.below("vat_by_charge", name) for fault in vat_faults(terms))
        if name not in names:
            yield Fault(("vat_by_charge", name), f"is the name of no charge{did_you_mean(name, sorted(names))}")


_RULES = (_vat, _meter, _zone, _tariffs, _questions, _usages, _purpose, _credits)
_TOGETHER = (_days,)
