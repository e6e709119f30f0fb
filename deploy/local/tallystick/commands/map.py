"""`tallystick map`: a first mapping for an export, with the evidence for what it says; or one that is shipped."""

from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import EXIT_INCOMPLETE, err, fail, out, plain_table, write_file
from tallystick.options import input_file

app = typer.Typer(add_completion=False)


@app.command(name="map")
def map_file(
    file: Annotated[Path | None, input_file("CSV, TSV, .xlsx or JSON lines; plain, .gz or .zip.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
    zone: Annotated[str, typer.Option(help="Of times that do not say.")] = "Europe/London",
    shipped: Annotated[
        str | None, typer.Option(metavar="NAME", help="A mapping that comes with Tallystick, to change.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the mappings that come with Tallystick.")] = False,
) -> None:
    """A commented mapping is printed that runs as it is, or says what it could not decide; then it ends with 1."""
    if [file is not None, shipped is not None, listed].count(True) != 1:
        raise typer.BadParameter("name an export, or --shipped NAME, or --list: one of them", param_hint="FILE")
    if to is not None and to.exists():
        fail(f"{to} is there already.", do="Name another file. Nothing was written.")
    if listed:
        _list()
    elif file is None:
        _write(_shipped(shipped or ""), to)
    else:
        _suggest(file, to, zone)


def _list() -> None:
    from tallystick.replay.mapping import about_shipped_mappings

    for line in plain_table(("Name", "About"), about_shipped_mappings()):
        out.print(line)


def _shipped(name: str) -> str:
    from tallystick.replay.mapping import shipped_text

    return shipped_text(name)


def _suggest(file: Path, to: Path | None, zone: str) -> None:
    from tallystick.replay.piped import as_file
    from tallystick.replay.suggested import suggest

    with as_file(file) as export:
        found = suggest(export, zone=zone)
    _write(found.text, to)
    for each in found.undecided:
        err.print(f"Not decided: {each}.")
    if found.undecided:
        raise SystemExit(EXIT_INCOMPLETE)
    if to is not None:
        err.print(f"Read it, then see what it does: `tallystick replay {file} --mapping {to} --dry-run`.")


def _write(text: str, to: Path | None) -> None:
    if to is None:
        typer.echo(text, nl=False)
    else:
        write_file(to, text.encode())
        err.print(str(to))
