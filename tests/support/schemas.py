"""The schemas of the events as a validator that shares no code with the typed decode."""

import json
from functools import lru_cache

import jsonschema_rs

from shared.contracts.schema import FOLDER


@lru_cache
def validator(name: str) -> jsonschema_rs.Draft202012Validator:
    """Judges plain values as events of the type `name`."""
    schema = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
