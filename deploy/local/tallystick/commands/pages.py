"""`tallystick pages`: what a replay came to, in the browser, as of the instant of the replay."""

import asyncio
from typing import Annotated

import typer

from tallystick.console import var_folder
from tallystick.options import LAST_PORT, Json
from tallystick.stack import exclusive_use, require_data

app = typer.Typer(add_completion=False)


@app.command()
def pages(
    port: Annotated[int, typer.Option(min=1, max=LAST_PORT, help="The first port to try.")] = 8080,
    as_json: Json = False,
) -> None:
    """The folder's pages are served until Ctrl-C, on this machine, for whoever opens the link. They change nothing."""
    from tallystick.replayed_pages import serve_pages

    folder = var_folder()
    require_data(folder)
    with exclusive_use(folder):
        asyncio.run(serve_pages(folder, port, as_json=as_json))
