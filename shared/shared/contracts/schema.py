"""JSON Schemas of every type of event, made from the types; `python -m shared.contracts.schema` writes the files.

JSON Schema 2020-12, for integrators in any language. The typed decode decides: it also refuses what no schema can
say, such as a date that does not exist, or a misspelt weekday of a calendar.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import msgspec

from shared.contracts.codec import AnyEvent
from shared.contracts.envelope import Event

FOLDER = Path(__file__).parent / "schemas"
# One event of each type. Their figures and ids are illustrative.
EXAMPLES = Path(__file__).parent / "examples.ndjson"

Schema = dict[str, Any]


def event_types() -> dict[str, type[Event]]:
    """Every type of event by its name, `tallystick.ticket.opened.v1`."""
    return {str(type_.__struct_config__.tag): type_ for type_ in get_args(AnyEvent)}


def examples() -> dict[str, dict[str, Any]]:
    """An event of each type, as plain values."""
    lines = EXAMPLES.read_text(encoding="utf-8").splitlines()
    return {event["type"]: event for event in map(json.loads, lines)}


def schema_files() -> dict[str, str]:
    """The text of each schema by the name of its file."""
    shown = examples()
    return {
        f"{name}.json": json.dumps(_schema(name, type_, shown[name]), indent=2, ensure_ascii=False) + "\n"
        for name, type_ in event_types().items()
    }


def write(folder: Path = FOLDER) -> None:
    """`folder` has the schema of every type, and no other JSON file."""
    files = schema_files()
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def _schema(name: str, type_: type[Event], example: Mapping[str, Any]) -> Schema:
    schema = schema_of(type_)
    # Every sender has to say it, although what was stored before that rule is still read.
    schema["$defs"][type_.__name__]["required"].insert(0, "specversion")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{name}.json",
        "title": name,
        **schema,
        "examples": [example],
    }


def schema_of(type_: Any) -> dict[str, Any]:
    """The JSON Schema of a type, the same on every Python: some keep the indentation of docstrings and some do not."""
    return dict(unindented(msgspec.json.schema(type_)))


def as_sent(schema: Schema) -> Schema:
    """The schema of an event as senders may write it: an attribute that is not required may be null, which is unset."""
    optional = schema["properties"].keys() - set(schema["required"])
    nullable = {name: {"anyOf": [schema["properties"][name], {"type": "null"}]} for name in optional}
    return {**schema, "properties": {name: nullable.get(name, each) for name, each in schema["properties"].items()}}


def unindented(schema: Any) -> Any:
    """Descriptions come from docstrings, with the indentation of their code."""
    match schema:
        case {"description": str(text), **rest}:
            return {"description": inspect.cleandoc(text), **unindented(rest)}
        case dict():
            return {key: unindented(value) for key, value in schema.items()}
        case list():
            return [unindented(each) for each in schema]
        case _:
            return schema


if __name__ == "__main__":
    write()
