"""`tallystick load`: a partnership's file is in the catalogue."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from shared.web.formats import counted
from tallystick.authorisation import login_name
from tallystick.console import answer, var_folder
from tallystick.options import Json
from tallystick.stack import open_stack

if TYPE_CHECKING:
    from catalogue.handlers import RecordResult

app = typer.Typer(add_completion=False)


@app.command()
def load(
    source: Annotated[str, typer.Argument(help="An example that comes with Tallystick, or the path of a file.")],
    as_json: Json = False,
) -> None:
    """The file's definitions are recorded and announced; what was there already is not recorded again."""
    recorded = asyncio.run(_record(source))
    lines = [f"  {kind} {name}, version {version}" for kind, name, version in recorded.added]
    lines.append(f"{counted(len(recorded.added), 'version')} added, {recorded.unchanged} unchanged.")
    answer(recorded, [*lines, *map(str, recorded.warnings)], as_json=as_json)


async def _record(source: str) -> "RecordResult":
    async with open_stack(var_folder()) as stack:
        return await stack.catalogue.record(source, actor=login_name())
