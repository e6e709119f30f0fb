"""`tallystick replay`: a CSV of an existing system becomes events, verdicts and usage."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from shared.web.formats import counted
from tallystick.console import EXIT_BUG, EXIT_INCOMPLETE, answer, err, require_writable, var_folder
from tallystick.options import Json, LookupOption, input_file, lookup_files, read_instant
from tallystick.stack import exclusive_use

app = typer.Typer(add_completion=False)


@app.command()
def replay(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    file: Annotated[Path, input_file("A CSV, plain or .gz.")],
    mapping: Annotated[str, typer.Option(help="A mapping that comes with Tallystick, or the path of one.")],
    as_of: Annotated[
        datetime | None, typer.Option(parser=read_instant, metavar="INSTANT", help="Judge as of it, with an offset.")
    ] = None,
    verdicts: Annotated[Path | None, typer.Option(help="Write one line for each item and target.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write refused rows here.", show_default="in the state")] = None,
    lookup: LookupOption = None,
    as_json: Json = False,
) -> None:
    """The events of a CSV (plain or .gz) are in the log, judged and metered; refused rows are in the rejects file.

    Ends with 1 where a row or an event is not applied: the answer says which, and where to look.
    """
    from tallystick.replay import summary
    from tallystick.replay.mapping import read_mapping
    from tallystick.replay.run import run_replay
    from tallystick.replay.scratch import open_scratch

    folder = var_folder()
    name = file.name.removesuffix(".gz").removesuffix(".csv")
    refused = rejects or folder / "rejects" / f"{name}.csv"
    options = summary.ReplayOptions(file, read_mapping(mapping, lookups=lookup_files(lookup)), as_of, verdicts, refused)
    with exclusive_use(folder):
        require_writable(verdicts)
        require_writable(rejects)
        with open_scratch(folder) as scratch:  # left when no thread of the replay is left
            result = asyncio.run(run_replay(options, folder, scratch))
    answer(summary.as_json(options, result), summary.lines(options, result), as_json=as_json)
    if unaccounted := result.rows.unaccounted or result.events.unaccounted:
        err.print(
            f"{counted(unaccounted, 'row or event')} unaccounted for. This is a bug in Tallystick: please report it."
        )
        raise SystemExit(EXIT_BUG)
    if not result.complete:
        raise SystemExit(EXIT_INCOMPLETE)
