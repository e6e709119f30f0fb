"""`tallystick demo`: an example with a year of illustrative data, served here; an incident, and a pound changed."""

import asyncio
from typing import Annotated

import typer

from shared.clock import WallClock
from shared.period import LONDON
from tallystick.console import answer, err, fail, var_folder
from tallystick.options import LAST_PORT, Example, Json
from tallystick.stack import exclusive_use

app = typer.Typer(add_completion=False, invoke_without_command=True)


@app.callback()
def demo(
    context: typer.Context,
    example: Example = "adur-worthing",
    port: Annotated[int, typer.Option(min=1, max=LAST_PORT, help="The first port to try.")] = 8080,
    seed: Annotated[int, typer.Option(help="Another seed makes another illustrative year.")] = 1,
    as_json: Json = False,
) -> None:
    """The example is served until Ctrl-C. Run again, it shows the same and goes on to the present day."""
    if context.invoked_subcommand is not None:
        return
    from tallystick.demo.example import example_definitions
    from tallystick.demo.server import Year, serve

    definitions = example_definitions(example)
    year = Year(example, seed, WallClock().now().astimezone(LONDON).date().isoformat())
    with exclusive_use(var_folder()):
        asyncio.run(serve(year, definitions, port, as_json=as_json))


@app.command()
def incident(as_json: Json = False) -> None:
    """Make one council of the running demo miss an objective, and see it on the board with the alert.

    Tickets that nobody answers are sent to its log; they become due within seconds, or are late already while no
    service is open. Run it in another terminal.
    """
    from tallystick.demo.incident import cause_incident, result_lines

    result = asyncio.run(cause_incident(var_folder(), err.print))
    answer(result, result_lines(result), as_json=as_json)


@app.command()
def tamper(
    council: Annotated[str | None, typer.Option(help="Whose statement.", show_default="the first one's")] = None,
    as_json: Json = False,
) -> None:
    """Change one pound in a copy of a statement's tally, and see `tallystick verify` name it.

    Nothing that is stored changes: both files are new, in the demo's folder.
    """
    from tallystick.demo.tamper import NothingToTamper, tamper, tampered_lines

    try:
        found = asyncio.run(tamper(var_folder(), council))
    except NothingToTamper as nothing:
        fail(f"There is nothing to change: {nothing}.", do="Run `tallystick demo` first, and this beside it.")
    answer(found, tampered_lines(found), as_json=as_json)
