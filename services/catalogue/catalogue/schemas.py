"""What the API answers: a version of each kind, and pages of them."""

from typing import Any

import msgspec

from catalogue.domain.kinds import DEFINITION_TYPES, Kind
from catalogue.domain.versions import CatalogueVersion
from shared.contracts.envelope import Instant


def _version_type(kind: Kind) -> type[msgspec.Struct]:
    fields = [("version", int), ("recorded_at", Instant), ("definition", DEFINITION_TYPES[kind])]
    return msgspec.defstruct(f"{DEFINITION_TYPES[kind].__name__}Version", fields, frozen=True, kw_only=True)


def _list_type(kind: Kind) -> type[msgspec.Struct]:
    items = tuple[VERSION_TYPES[kind], ...]  # type: ignore[valid-type]  # made at run time, one for each kind
    return msgspec.defstruct(
        f"{DEFINITION_TYPES[kind].__name__}Versions", [("items", items)], frozen=True, kw_only=True
    )


VERSION_TYPES: dict[Kind, type[msgspec.Struct]] = {kind: _version_type(kind) for kind in DEFINITION_TYPES}
LIST_TYPES: dict[Kind, type[msgspec.Struct]] = {kind: _list_type(kind) for kind in DEFINITION_TYPES}
# What `shared.http.create_app` needs to describe this API.
API_TYPES: tuple[type, ...] = (*DEFINITION_TYPES.values(), *VERSION_TYPES.values(), *LIST_TYPES.values())


def version_body(version: CatalogueVersion) -> dict[str, Any]:
    """A version as the API shows it: an instance of its kind's `VERSION_TYPES`, once encoded."""
    return {"version": version.number, "recorded_at": version.recorded_at, "definition": version.definition}
