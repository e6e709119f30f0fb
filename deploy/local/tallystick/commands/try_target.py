"""`tallystick try target`: what holds of a document with calendars, targets and events. Nothing is stored."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import answer, fail, out
from tallystick.options import Json, input_file

app = typer.Typer(add_completion=False)


@app.command(name="target")
def target(file: Annotated[Path, input_file("YAML, or JSON in a file named *.json.")], as_json: Json = False) -> None:
    """Evaluate a document of your own: hours, targets, what happened, questions.

    At a terminal the answer is YAML; in a pipe or a file, or with --json, it is JSON. docs/try-a-target.md describes
    the document, docs/try-target.schema.json its shape.
    """
    from shared.documents import MAX_DOCUMENT_BYTES
    from sla_monitor.trial.target import try_target

    raw = file.read_bytes()
    if len(raw) > MAX_DOCUMENT_BYTES:
        fail(f"{file.name} is longer than {MAX_DOCUMENT_BYTES} bytes.", do="Split it. Nothing was evaluated.")
    found = try_target(raw, written_in="json" if file.suffix == ".json" else "yaml")
    is_json = as_json or not out.is_terminal
    answer(found, [] if is_json else [_yaml(found)], as_json=is_json)


def _yaml(found: object) -> str:
    import msgspec
    import yaml

    return yaml.safe_dump(msgspec.to_builtins(found), sort_keys=False, allow_unicode=True).removesuffix("\n")
