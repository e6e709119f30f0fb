"""The shipped example files, read by the shortest means: a reading of their shape that is not the catalogue's own."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from shared.contracts.definitions import (
    Agreement,
    AnyDefinition,
    Calendar,
    Council,
    Partnership,
    PriceIndex,
    Provider,
    Service,
    Target,
    Tariff,
)

STANDARD = "standard-services"
PARTNERSHIPS = (
    "adur-worthing",
    "chesterfield-bolsover-north-east-derbyshire",
    "leicestershire-nottingham",
    "westminster-hammersmith-fulham",
)


def text_of(name: str) -> str:
    """The file's text."""
    return files("catalogue").joinpath(f"examples/{name}.yaml").read_text(encoding="utf-8")


@cache
def document_of(name: str) -> dict[str, Any]:
    """The file as plain values."""
    found: dict[str, Any] = yaml.safe_load(text_of(name))
    return found


def target_sets_of(name: str) -> dict[str, list[Target]]:
    """The file's named lists of targets, and those of the standard services."""
    sets = document_of(STANDARD)["target_sets"] | document_of(name).get("target_sets", {})
    return {title: msgspec.convert(targets, list[Target]) for title, targets in sets.items()}


@cache
def definitions_of(name: str) -> tuple[AnyDefinition, ...]:
    """All that a partnership's file defines, with the standard services that it includes."""
    document, standard = document_of(name), document_of(STANDARD)

    def listed(key: str) -> list[Any]:
        return [*standard.get(key, []), *document.get(key, [])]

    return (
        msgspec.convert(document["provider"], Provider),
        *msgspec.convert(listed("councils"), list[Council]),
        *msgspec.convert(listed("services"), list[Service]),
        *msgspec.convert(listed("calendars"), list[Calendar]),
        *msgspec.convert(listed("indexes"), list[PriceIndex]),
        *msgspec.convert(listed("tariffs"), list[Tariff]),
        *(each for entry in document["agreements"] for each in _agreements(entry, target_sets_of(name))),
        msgspec.convert(document["partnership"], Partnership),
    )


def _agreements(entry: dict[str, Any], sets: dict[str, list[Target]]) -> list[Agreement]:
    targets = [target for title in entry["targets"] for target in sets[title]]
    shared = {key: value for key, value in entry.items() if key not in ("councils", "targets")}
    if "council" in entry:
        return [msgspec.structs.replace(msgspec.convert(shared, Agreement), targets=tuple(targets))]
    each = [{**shared, "council": council, "id": f"{entry['id']}-{council}"} for council in entry["councils"]]
    return [msgspec.structs.replace(found, targets=tuple(targets)) for found in msgspec.convert(each, list[Agreement])]
