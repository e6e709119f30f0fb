"""`tallystick try target`: what holds of a document with calendars, targets and events. Nothing is stored."""

from pathlib import Path

import msgspec
from rich.markup import escape

from shared.json_values import NotStrictJson
from sla_monitor.handlers.trying import MOST_BYTES, Tried, UnreadableDocument, try_target
from sla_monitor.trying_schemas import trial_body
from tallystick.console import fail

_HELP = "docs/try-a-target.md describes the document, docs/try-target.schema.json its shape."


def trying(file: Path) -> None:
    """The answer to the document `file` is printed as JSON; a name that ends in .json is read as JSON, else as YAML."""
    body = trial_body(_tried(file))
    print(msgspec.json.format(msgspec.json.encode(body)).decode())  # noqa: T201 (for other programs: no console marks)


def _tried(file: Path) -> Tried:
    raw = file.read_bytes()
    if len(raw) > MOST_BYTES:
        fail(f"{escape(file.name)} is longer than {MOST_BYTES} bytes.", do=_HELP)
    try:
        return try_target(raw, written_in="json" if file.suffix == ".json" else "yaml")
    except NotStrictJson as fault:
        fail(escape(str(fault)), do=_HELP)
    except UnreadableDocument as refused:
        fail("\n".join(escape(str(fault)) for fault in refused.faults), do=_HELP)
