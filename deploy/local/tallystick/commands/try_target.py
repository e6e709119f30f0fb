"""`tallystick try target`: what holds of a document with calendars, targets and events. Nothing is stored."""

import msgspec
import typer
import yaml

from sla_monitor.trial.target import MAX_DOCUMENT_BYTES, try_target
from tallystick.console import answer, fail
from tallystick.options import InputFile, Json

app = typer.Typer(add_completion=False)


@app.command(name="target")
def target(file: InputFile, as_json: Json = False) -> None:
    """Evaluate a document of your own: hours, targets, what happened, questions. FILE is YAML, or JSON if named *.json.

    docs/try-a-target.md describes the document, docs/try-target.schema.json its shape.
    """
    raw = file.read_bytes()
    if len(raw) > MAX_DOCUMENT_BYTES:
        fail(f"{file.name} is longer than {MAX_DOCUMENT_BYTES} bytes.", do="Split it. Nothing was evaluated.")
    found = try_target(raw, written_in="json" if file.suffix == ".json" else "yaml")
    text = yaml.safe_dump(msgspec.to_builtins(found), sort_keys=False, allow_unicode=True)
    answer(found, [text.removesuffix("\n")], as_json=as_json)
