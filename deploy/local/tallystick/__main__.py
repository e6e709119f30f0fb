"""The `tallystick` command: demo, load, replay, explain, statement, try.

Each verb imports what it needs when it is called: the whole stack takes seconds to import, `--help` should not.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import fail, var_folder

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)


@app.command()
def demo(
    example: Annotated[str, typer.Option(help="Which shipped partnership.")] = "adur-worthing",
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8080,
    seed: Annotated[int, typer.Option(help="Another seed makes another illustrative year.")] = 1,
) -> None:
    """Serve an example partnership with a year of illustrative data on this machine."""
    from tallystick.commands.demo import demo as run

    run(example, port=port, seed=seed, folder=var_folder())


@app.command()
def load(source: Annotated[str, typer.Argument(help="A shipped example by its name, or the path of a file.")]) -> None:
    """Load a partnership's councils, services, calendars, agreements and tariffs."""
    from tallystick.commands.load import load as run

    run(source, folder=var_folder())


@app.command()
def replay(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A CSV, plain or .gz.")],
    mapping: Annotated[str, typer.Option(help="A shipped mapping by its name, or the path of one.")],
    as_of: Annotated[str | None, typer.Option(help="Judge as of this instant, with an offset.")] = None,
    verdicts: Annotated[Path | None, typer.Option(help="Write one line for each item and target.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write refused rows here.", show_default="in the state")] = None,
    lookup: Annotated[list[str] | None, typer.Option(help="NAME=FILE for a lookup of the mapping.")] = None,
) -> None:
    """Turn a CSV of an existing system into events, verdicts and usage."""
    from tallystick.commands.replay import Order
    from tallystick.commands.replay import replay as run

    folder = var_folder()
    refused = rejects or folder / "rejects" / f"{file.name.removesuffix('.gz').removesuffix('.csv')}.csv"
    run(Order(file, mapping, _lookups(lookup or []), _instant(as_of), verdicts, refused, folder))


@app.command()
def explain(
    item: Annotated[str, typer.Argument(help="The item's id.")],
    council: Annotated[str | None, typer.Option(help="Whose item, where several councils use the id.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For other programs.")] = False,
    pictures: Annotated[Path | None, typer.Option(help="Draw each clock as SVG into this folder.")] = None,
) -> None:
    """Say why an item's verdicts are what they are."""
    from tallystick.commands.explain import explain as run

    run(item, council=council, as_json=as_json, pictures=pictures, folder=var_folder())


@app.command()
def statement(
    council: Annotated[str, typer.Argument(help="The council's id.")],
    month: Annotated[str, typer.Argument(help="For example 2026-03.")],
    to: Annotated[Path | None, typer.Option(help="Write JSON, CSV, HTML and PDF into this folder.")] = None,
) -> None:
    """Print a council's monthly statement, or write it in all its forms."""
    from tallystick.commands.statement import statement as run

    run(council, month, to=to, folder=var_folder())


@app.command(name="what-if")
def what_if(
    draft: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML, or JSON in a file named *.json.")],
    first: Annotated[str, typer.Option("--from", help="The first month, for example 2025-04.")],
    last: Annotated[str, typer.Option("--to", help="The last month, included.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="For other programs: with every verdict that changes.")
    ] = False,
) -> None:
    """Say what a draft target, calendar or agreement would have made of past months."""
    from tallystick.commands.what_if import what_if as run

    run(draft, first=first, last=last, as_json=as_json, folder=var_folder())


@app.command()
def correct(
    from_date: Annotated[str, typer.Option("--from", help="The first day, for example 2026-03-01.")],
    to_date: Annotated[str, typer.Option("--to", help="The first day that is not included.")],
    council: Annotated[str | None, typer.Option(help="Only this council's items.")] = None,
    service: Annotated[str | None, typer.Option(help="Only this service's items.")] = None,
    name: Annotated[str | None, typer.Option(help="What the corrections name as their cause.")] = None,
) -> None:
    """Judge ended items again by the catalogue as it is now known, and announce what changes."""
    from tallystick.commands.correct import Correction
    from tallystick.commands.correct import correct as run

    run(Correction(from_date, to_date, council, service, name), folder=var_folder())


_tries = typer.Typer(no_args_is_help=True, help="Try what might be agreed. Nothing is stored.")
app.add_typer(_tries, name="try")


@_tries.command(name="target")
def try_target(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="YAML, or JSON in a file named *.json.")],
) -> None:
    """Judge a target on a document of your own: hours, targets, what happened, questions."""
    from tallystick.commands.trying import trying as run

    run(file)


_exports = typer.Typer(no_args_is_help=True, help="Write what other tools and other people read.")
app.add_typer(_exports, name="export")


@_exports.command(name="openslo")
def export_openslo(
    council: Annotated[str | None, typer.Option(help="Only this council's targets.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="printed")] = None,
) -> None:
    """Targets with an objective as OpenSLO v1 documents."""
    from tallystick.commands.export import export_openslo as run

    run(council=council, to=to, folder=var_folder())


@_exports.command(name="evidence")
def export_evidence(
    council: Annotated[str, typer.Argument(help="The council's id.")],
    month: Annotated[str, typer.Argument(help="For example 2026-03.")],
    to: Annotated[Path | None, typer.Option(help="Write this file.", show_default="here")] = None,
) -> None:
    """All that a council's month of verdicts follows from, sealed, in one file."""
    from tallystick.commands.export import export_evidence as run

    run(council, month, to=to, folder=var_folder())


_verifies = typer.Typer(no_args_is_help=True, help="Check a file by itself: no state is needed.")
app.add_typer(_verifies, name="verify")


@_verifies.command(name="verdicts")
def verify_verdicts(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A council's month of evidence.")],
) -> None:
    """Judge every verdict of an evidence file again, and name whatever was altered."""
    from tallystick.commands.verify import verify_verdicts as run

    run(file)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        fail(f"{text!r} is not an instant.", do="Write for example 2016-01-12T23:00:00-05:00.")
    if instant.tzinfo is None:
        fail(f"{text!r} does not say in which zone.", do="Add Z or an offset: 2016-01-12T23:00:00-05:00.")
    return instant


def _lookups(named: list[str]) -> dict[str, Path]:
    lookups: dict[str, Path] = {}
    for text in named:
        name, equals, path = text.partition("=")
        if not equals:
            fail(f"--lookup {text!r} names no file.", do="Write --lookup NAME=FILE.")
        lookups[name] = Path(path)
    return lookups


def main() -> None:
    """The command's entry point."""
    app()


if __name__ == "__main__":
    main()
