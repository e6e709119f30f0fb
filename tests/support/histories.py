"""Histories as people write them: a weekday and a local time, then what happened."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from shared.contracts.definitions import Agreement, Calendar
from sla_monitor.domain.agreements import AgreementIndex, BoundCalendar
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.verdict import Evaluation, Verdict, evaluate
from sla_monitor.domain.facts import (
    PLAIN_FACTS,
    AnyFact,
    Cancelled,
    Fact,
    Opened,
    Paused,
    Reclassified,
    Reprioritised,
    Stopped,
    history,
)
from sla_monitor.domain.working_time.calendar import compile_versions

LONDON = ZoneInfo("Europe/London")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def at(text: str) -> int:
    """Epoch seconds of `Mon 2026-03-02 09:00[:30]` in London; the weekday must be right."""
    name, _, rest = text.partition(" ")
    local = datetime.fromisoformat(rest).replace(tzinfo=LONDON)
    if local.strftime("%a") != name:
        raise ValueError(f"{rest} is a {local:%a}, not a {name}")
    return int(local.astimezone(UTC).timestamp())


def local_text(at_s: int | None) -> str | None:
    """The inverse of `at`."""
    return None if at_s is None else f"{datetime.fromtimestamp(at_s, LONDON):%a %Y-%m-%d %H:%M:%S}".removesuffix(":00")


# One line a word reads as the table that it is.
def fact(when: str, what: str, *, name: str | None = None, sequence: str = "") -> AnyFact:  # noqa: PLR0911
    """One fact: `opened`, `opened high`, `paused council`, `priority low`, `becomes service=hr`, `resolved` …"""
    word, _, detail = what.partition(" ")
    us, source, identity = at(when) * 1_000_000, "/test", name or f"{when} {what}"
    match word:
        case "opened":
            return Opened(us, source, identity, sequence, "ict", detail or "normal", {}, None, None)
        case "paused":
            return Paused(us, source, identity, sequence, "waiting", detail or "council")  # type: ignore[arg-type] # the table's words
        case "becomes":
            return _reclassified(Fact(us, source, identity, sequence), dict(part.split("=") for part in detail.split()))
        case "priority":
            return Reprioritised(us, source, identity, sequence, detail)
        case "resolved":
            return Stopped(us, source, identity, sequence, "done")
        case "cancelled":
            return Cancelled(us, source, identity, sequence, "withdrawn")
    return PLAIN_FACTS[word](us, source, identity, sequence)


def _reclassified(at_then: Fact, given: dict[str, str]) -> Reclassified:
    """`service=telephony priority=high category=security floor=-`: the floor is taken away."""
    service, priority = given.pop("service", None), given.pop("priority", None)
    attributes = {name: None if value == "-" else value for name, value in given.items()}
    return Reclassified(at_then.at_us, at_then.source, at_then.id, at_then.sequence, service, priority, attributes)


def facts(*lines: tuple[str, str]) -> list[AnyFact]:
    """A history from lines of (when, what), in order of happening."""
    return history(fact(when, what) for when, what in lines)


def calendar(**fields: Any) -> Calendar:
    """A calendar, Monday to Friday 09:00 to 17:00 unless the fields say otherwise."""
    weekly = {day: ["09:00-17:00"] for day in WEEKDAYS[:5]}
    return msgspec.convert({"id": "office", "name": "Office hours", "weekly": weekly} | fields, Calendar)


def every_hour() -> Calendar:
    """A calendar without a closed second."""
    return calendar(id="always", weekly={day: ["00:00-24:00"] for day in WEEKDAYS})


_COMPILED: dict[bytes, BoundCalendar] = {}


def bound(definition: Calendar) -> BoundCalendar:
    """The calendar compiled, once a definition."""
    name = msgspec.json.encode(definition)
    if name not in _COMPILED:
        _COMPILED[name] = BoundCalendar(
            definition.id, 1, compile_versions([definition], first_year=2020, last_year=2030)
        )
    return _COMPILED[name]


def agreement_index(*targets: dict[str, Any], hours: Calendar | None = None, **agreement: Any) -> AgreementIndex:
    """One council's agreement with these targets; `calendar` defaults to the office hours given."""
    office = hours or calendar()
    held = {
        "id": "adur-2026",
        "council": "adur",
        "provider": "joint-services",
        "title": "Illustrative",
        "targets": [{"id": "resolve", "service": "*", "measure": "resolution-time"} | target for target in targets],
    }
    made = msgspec.convert(held | agreement, Agreement)
    return AgreementIndex([(1, made)], lambda name: bound(office if name else every_hour()))


def judged(
    lines: Sequence[tuple[str, str]] | Sequence[AnyFact],
    *,
    as_of: str,
    exclusions: Sequence[ExcludedTime] = (),
    hours: Calendar | None = None,
    **target: Any,
) -> Verdict:
    """The one verdict on an item under one target, 8 working hours to resolve unless the fields say otherwise."""
    evaluation = evaluated(
        lines,
        agreement_index({"within": "8 working hours", "calendar": "office"} | target, hours=hours),
        as_of=as_of,
        exclusions=exclusions,
    )
    (verdict,) = evaluation.verdicts
    return verdict


def evaluated(
    lines: Sequence[tuple[str, str]] | Sequence[AnyFact],
    agreements: AgreementIndex,
    *,
    as_of: str,
    exclusions: Sequence[ExcludedTime] = (),
) -> Evaluation:
    """Everything that holds of the item at `as_of`."""
    held = history(fact(*line) if isinstance(line, tuple) else line for line in lines)
    return evaluate(
        held,
        council="adur",
        stream="ticket",
        item="T1",
        agreement_index=agreements,
        exclusions=exclusions,
        as_of=at(as_of),
    )
