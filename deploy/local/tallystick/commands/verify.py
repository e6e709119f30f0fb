"""`tallystick verify`: a file is checked by itself, without any state."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import EXIT_NOT_VERIFIED, answer, err
from tallystick.options import Json, input_file

_SHOWN = 50

app = typer.Typer(add_completion=False)


@app.command(name="verdicts")
def verify_verdicts(file: Annotated[Path, input_file("A council's month of evidence.")], as_json: Json = False) -> None:
    """Judge every verdict of an evidence file again, and name whatever was altered."""
    from shared.web.formats import counted
    from sla_monitor.domain.verification import verify

    found = verify(file.read_bytes())
    lines = []
    if found.heading is not None and not found.faults:
        of = f"{found.heading.council} in {found.heading.month}"
        lines = [
            f"Evaluated again: {counted(found.verdicts, 'verdict')} on {counted(found.items, 'item')} of {of}.",
            "No difference was found.",
            *(f"Not judged when the file was made, and in no figure: {item}." for item in found.failed_items[:_SHOWN]),
            f"SHA-256 of the file: {found.file_sha256}",
            f"SHA-256 in the seal: {found.seal_sha256}",
        ]
    answer(found, lines, as_json=as_json)
    if found.faults:
        for fault in found.faults[:_SHOWN]:
            err.print(fault)
        if len(found.faults) > _SHOWN:
            err.print(f"… and {len(found.faults) - _SHOWN:,} more; --json lists them all")
        raise SystemExit(EXIT_NOT_VERIFIED)
