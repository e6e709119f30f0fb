"""Verbs that bring something in: demo, illustrate, load, replay, backfill."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from tallystick.console import fail, var_folder

app = typer.Typer()


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
def illustrate(
    example: Annotated[str, typer.Option(help="Which shipped partnership.")] = "adur-worthing",
    months: Annotated[int, typer.Option(min=1, max=13, help="This month and those before it, so many in all.")] = 2,
    seed: Annotated[int, typer.Option(help="Another seed makes other events.")] = 1,
) -> None:
    """Send illustrative events of an example to the log that BUS_URL names."""
    from tallystick.commands.illustrate import illustrate as run

    run(example, months=months, seed=seed)


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
    from tallystick.commands.replay import ReplayOptions
    from tallystick.commands.replay import replay as run

    folder = var_folder()
    refused = rejects or folder / "rejects" / f"{file.name.removesuffix('.gz').removesuffix('.csv')}.csv"
    run(ReplayOptions(file, mapping, _lookups(lookup or []), _instant(as_of), verdicts, refused, folder))


@app.command()
def backfill(  # noqa: PLR0917 (as above)
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Events, one a line, or a CSV; also .gz.")],
    mapping: Annotated[str | None, typer.Option(help="For a CSV: a shipped mapping, or the path of one.")] = None,
    lookup: Annotated[list[str] | None, typer.Option(help="NAME=FILE for a lookup of the mapping.")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="Write the whole report into this file.")] = None,
    approve: Annotated[str | None, typer.Option(help="The digest of the report: do exactly that.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why. It is kept for ever.")] = None,
    actor: Annotated[str | None, typer.Option(help="Who approves.", show_default="your login name")] = None,
) -> None:
    """Tell what past events that never arrived would change; send them when that is approved."""
    from tallystick.commands.backfill import BackfillOptions
    from tallystick.commands.backfill import backfill as run
    from tallystick.commands.deciding import Authorisation

    approved = None if approve is None else (approve, Authorisation.of(actor, reason or ""))
    run(BackfillOptions(file, mapping, _lookups(lookup or []), as_json, approved))


@app.command()
def rate(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Verdicts' events, one a line.")],
) -> None:
    """Tell what verdicts that a rebuild would announce would do to recharges."""
    from tallystick.commands.rate import rate as run

    run(file)


@app.command()
def approvals(
    service: Annotated[str | None, typer.Option(help="Only those kept by this one: sla-monitor or billing.")] = None,
) -> None:
    """Everything that was approved: when, what, by whom, why."""
    from tallystick.commands.approvals import approvals as run

    run(service)


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
