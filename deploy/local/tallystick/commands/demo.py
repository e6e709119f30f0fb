"""`tallystick demo`: an example partnership with a year of illustrative data, served on this machine."""

import asyncio
from typing import Annotated

import typer

from shared.clock import WallClock
from shared.period import LONDON
from tallystick.console import var_folder
from tallystick.options import LAST_PORT, Example, Json
from tallystick.stack import exclusive_use

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    example: Example = "adur-worthing",
    port: Annotated[int, typer.Option(min=1, max=LAST_PORT, help="The first port to try.")] = 8080,
    seed: Annotated[int, typer.Option(help="Another seed makes another illustrative year.")] = 1,
    as_json: Json = False,
) -> None:
    """The example is served until Ctrl-C. Run again, it shows the same and goes on to the present day."""
    from tallystick.demo.example import example_definitions
    from tallystick.demo.server import Year, serve

    definitions = example_definitions(example)
    year = Year(example, seed, WallClock().now().astimezone(LONDON).date().isoformat())
    with exclusive_use(var_folder()):
        asyncio.run(serve(year, definitions, port, as_json=as_json))
