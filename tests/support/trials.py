"""Trial documents and their answers; instants as people write them, with the weekday."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from sla_monitor.trial.target import try_target

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
EVERY_DAY = (*WEEKDAYS, "sat", "sun")


def hours(text: str = "09:00-17:00", *, days: tuple[str, ...] = WEEKDAYS, **fields: Any) -> dict[str, Any]:
    """A calendar with the same hours on each of `days`, Monday to Friday unless `days` says otherwise."""
    return {"weekly": {day: [text] for day in days}, **fields}


ROUND_THE_CLOCK = hours("00:00-24:00", days=EVERY_DAY)


def tried(**document: Any) -> dict[str, Any]:
    """The whole answer to a document as plain values; office hours unless it has a calendar."""
    if "calendars" not in document:
        document = {"calendar": hours()} | document
    return plain(try_target(msgspec.json.encode(document), written_in="json"))


def plain(answer: Any) -> dict[str, Any]:
    """What the API and the command would send, read back."""
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(answer))
    return body


def asked(calendar: dict[str, Any], **question: Any) -> dict[str, Any]:
    """The answer to one question of one calendar."""
    (answer,) = tried(calendar=calendar, questions=[question])["answers"]
    return dict(answer)


def events(*lines: tuple[str, str]) -> list[dict[str, Any]]:
    """Events from lines of (when, what): `opened`, `opened high`, `paused provider`, `reprioritised low`."""
    return [_event(when, *what.split(" ")) for when, what in lines]


def _event(when: str, name: str, detail: str | None = None) -> dict[str, Any]:
    field = "awaiting" if name == "paused" else "priority"
    return {"at": when, "event": name} | ({} if detail is None else {field: detail})


def verdicts(*lines: tuple[str, str], as_of: str, **document: Any) -> list[dict[str, Any]]:
    """The verdicts on an item, 8 working hours to resolve it unless the document has other targets."""
    targets = {"targets": [{"id": "resolve", "measure": "resolution-time", "within": "8 working hours"}]}
    answered = tried(**(targets | document), events=events(*lines), as_of=as_of)
    return list(answered["verdicts"])


def verdict(
    *lines: tuple[str, str], as_of: str, calendar: dict[str, Any] | None = None, **target: Any
) -> dict[str, Any]:
    """The one verdict on an item under one target, 8 working hours to resolve it but for `target`."""
    tried_target = {"measure": "resolution-time", "within": "8 working hours"} | target
    (found,) = verdicts(*lines, as_of=as_of, calendar=calendar or hours(), targets=[tried_target])
    return found


def local_text(instant: str | None, *, zone: str = "Europe/London") -> str | None:
    """`Tue 2026-04-07 17:00` for an answer's instant on the wall clock of `zone`."""
    if instant is None:
        return None
    return f"{datetime.fromisoformat(instant).astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M:%S}".removesuffix(":00")
