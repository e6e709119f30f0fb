"""The schema files are those of the types, and say what the typed decode says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.contracts.codec import UndecodableEvent, decode_event
from shared.contracts.schema import FOLDER, event_types, examples, schema_files
from tests.support.schemas import validator

REWRITE = "run `python -m shared.contracts.schema`"
NAMES = sorted(event_types())
Breakage = Callable[[dict[str, Any]], None]


def test_the_folder_holds_a_schema_for_every_type_and_nothing_else() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(schema_files()), REWRITE


@pytest.mark.parametrize("name", NAMES)
def test_no_schema_is_stale(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text(encoding="utf-8") == schema_files()[f"{name}.json"], REWRITE


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_where_it_is_served_and_names_no_host(name: str) -> None:
    assert json.loads(schema_files()[f"{name}.json"])["$id"] == f"/schemas/{name}.json"


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_type_is_accepted_by_its_schema_and_by_the_typed_decode(name: str) -> None:
    example = examples()[name]

    assert validator(name).is_valid(example)
    assert isinstance(decode_event(json.dumps(example).encode()), event_types()[name])


def put(value: object, *path: str) -> Breakage:
    def breakage(event: dict[str, Any]) -> None:
        for step in path[:-1]:
            event = event[step]
        event[path[-1]] = value

    return breakage


def drop(name: str) -> Breakage:
    def breakage(event: dict[str, Any]) -> None:
        del event[name]

    return breakage


BROKEN_ENVELOPES: dict[str, Breakage] = {
    "no id": drop("id"),
    "no source": drop("source"),
    "no time": drop("time"),
    "no subject": drop("subject"),
    "no data": drop("data"),
    "an empty id": put("", "id"),
    "a number for an id": put(7, "id"),
    "another specversion": put("0.3", "specversion"),
    "an unknown type": put("tallystick.ticket.opened.v99", "type"),
    "a time without a zone": put("2026-11-05T14:00:00", "time"),
    "a time in words": put("yesterday", "time"),
    "data that is a list": put([], "data"),
}


BROKEN_DATA = [
    ("ticket.opened.v1", "no council", drop("council")),
    ("ticket.opened.v1", "a space in the subject", put("T 1042", "subject")),
    ("ticket.opened.v1", "a final newline in the subject", put("T-1042\n", "subject")),
    ("ticket.opened.v1", "no service", put({}, "data")),
    ("ticket.opened.v1", "17 attributes", put({str(n): "x" for n in range(17)}, "data", "attributes")),
    ("ticket.opened.v1", "pence with decimals", put(12.5, "data", "value_pence")),
    ("ticket.paused.v1", "somebody else awaited", put("the-weather", "data", "awaiting")),
    ("ticket.resolved.v1", "units as a number", put(1, "data", "units")),
    ("work.completed.v1", "units below nothing", put("-1", "data", "units")),
    ("work.completed.v1", "digits of another script", put("٣", "data", "units")),
    ("usage.recorded.v1", "seven decimals", put("1.0000001", "data", "quantity")),
    ("usage.recorded.v1", "an instant for a date", put("2026-11-27T17:00:00Z", "data", "business_date")),
    ("usage.reversed.v1", "no reading named", put({"service": "payroll"}, "data")),
    ("catalogue.council-versioned.v1", "version 0", put(0, "data", "version")),
    ("catalogue.council-versioned.v1", "a field unknown", put("Adur", "data", "definition", "nickname")),
    ("catalogue.calendar-versioned.v1", "hours past 24", put(["09:00-25:00"], "data", "definition", "weekly", "mon")),
    ("catalogue.tariff-versioned.v1", "no charge", put([], "data", "definition", "charges")),
    ("sla.met.v1", "a thirteenth month", put("2026-13", "data", "month")),
    ("statement.issued.v1", "half a digest", put("ab12", "data", "sha256")),
]


BREAKAGES = [
    *(pytest.param(name, each, id=f"{name}-{what}") for name in NAMES for what, each in BROKEN_ENVELOPES.items()),
    *(pytest.param(f"tallystick.{name}", each, id=f"{name}-{what}") for name, what, each in BROKEN_DATA),
]


@pytest.mark.parametrize(("name", "breakage"), BREAKAGES)
def test_what_the_typed_decode_refuses_the_schema_refuses(name: str, breakage: Breakage) -> None:
    broken = examples()[name]
    breakage(broken)

    assert not validator(name).is_valid(broken)
    with pytest.raises(UndecodableEvent):
        decode_event(json.dumps(broken).encode())
