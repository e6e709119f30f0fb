"""`tallystick try target`: what holds of a document with calendars, targets and events. Nothing is stored."""

from pathlib import Path

import msgspec
from rich.markup import escape

from shared.json_values import NotStrictJson
from sla_monitor.trial.answer import trial_answer
from sla_monitor.trial.target import MAX_DOCUMENT_BYTES, InvalidDocument, TrialResult, try_target
from tallystick.console import fail

_HELP = "docs/try-a-target.md describes the document, docs/try-target.schema.json its shape."


def try_document(file: Path) -> None:
    """The answer to the document `file` is printed as JSON; a name that ends in .json is read as JSON, else as YAML."""
    body = trial_answer(_tried(file))
    print(msgspec.json.format(msgspec.json.encode(body)).decode())  # noqa: T201 (for other programs: no console marks)


def _tried(file: Path) -> TrialResult:
    raw = file.read_bytes()
    if len(raw) > MAX_DOCUMENT_BYTES:
        fail(f"{escape(file.name)} is longer than {MAX_DOCUMENT_BYTES} bytes.", do=_HELP)
    try:
        return try_target(raw, written_in="json" if file.suffix == ".json" else "yaml")
    except NotStrictJson as fault:
        fail(escape(str(fault)), do=_HELP)
    except InvalidDocument as refused:
        fail("\n".join(escape(str(fault)) for fault in refused.faults), do=_HELP)
