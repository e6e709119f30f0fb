"""`tallystick replay`: a CSV of an existing system becomes events, verdicts and usage."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from shared.web.formats import counted
from tallystick.authorisation import Authorisation
from tallystick.console import EXIT_BUG, EXIT_INCOMPLETE, answer, err, fail, require_writable, var_folder
from tallystick.interruption import run_to_end
from tallystick.options import Actor, Json, LookupOption, input_file, lookup_files, read_past_instant
from tallystick.stack import exclusive_use

if TYPE_CHECKING:
    from tallystick.replay.summary import ReplayOptions, ReplayResult

app = typer.Typer(add_completion=False)


@app.command()
def replay(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    file: Annotated[Path, input_file("CSV, TSV, .xlsx or JSON lines; plain, .gz or .zip.")],
    mapping: Annotated[str, typer.Option(help="A mapping that comes with Tallystick, or the path of one.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(parser=read_past_instant, metavar="INSTANT", help="Judge as of it, with an offset."),
    ] = None,
    verdicts: Annotated[Path | None, typer.Option(help="Write one line for each item and target.")] = None,
    rejects: Annotated[Path | None, typer.Option(help="Write refused rows here.", show_default="in the state")] = None,
    lookup: LookupOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, on a copy of the state.")] = False,
    approve: Annotated[str | None, typer.Option(help="The digest of withdrawals that need approval.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is approved. It is kept for ever.")] = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """What the export changes of earlier ones is in the log, judged and metered; refused rows are in the rejects file.

    Ends with 1 where a row or an event is not applied: the answer says which, and where to look.
    """
    from tallystick.replay import summary
    from tallystick.replay.mapping import read_mapping
    from tallystick.replay.piped import as_file, name_of

    folder = var_folder()
    name = name_of(file).removesuffix(".gz").removesuffix(".csv")
    refused = rejects or folder / "rejects" / f"{name}.csv"
    lookups = lookup_files(lookup)
    _require_apart((file, Path(mapping), *lookups.values()), verdicts, refused)
    approved = None if approve is None else (approve, Authorisation.of(actor, reason or ""))
    read = read_mapping(mapping, lookups=lookups)
    with exclusive_use(folder):
        require_writable(verdicts)
        require_writable(rejects)
        with as_file(file) as export, _copied(folder) if dry_run else nullcontext(folder) as used:
            options = summary.ReplayOptions(export, read, as_of, verdicts, refused, approved, dry_run)
            result = _run(options, used)
    answer(summary.as_json(options, result), summary.lines(options, result), as_json=as_json)
    if unaccounted := result.rows.unaccounted or result.events.unaccounted:
        err.print(
            f"{counted(unaccounted, 'row or event')} unaccounted for. This is a bug in Tallystick: please report it."
        )
        raise SystemExit(EXIT_BUG)
    if not result.complete:
        raise SystemExit(EXIT_INCOMPLETE)


def _run(options: "ReplayOptions", folder: Path) -> "ReplayResult":
    from tallystick.replay.export_register import open_register
    from tallystick.replay.run import run_replay
    from tallystick.replay.scratch import open_scratch

    # Both are left when no thread of the replay is left.
    with open_scratch(folder) as scratch, open_register(folder) as register:
        return run_to_end(run_replay(options, folder, scratch, register))


def _require_apart(read: Sequence[Path], verdicts: Path | None, rejects: Path) -> None:
    """No file that is written is one that is read, or the other; ends the command where one is."""
    written = [each for each in (verdicts, rejects) if each is not None]
    for index, path in enumerate(written):
        for other in (*read, *written[:index]):
            if path.resolve() == other.resolve() or (path.exists() and other.exists() and path.samefile(other)):
                fail(f"{path} would overwrite {other}.", do="Name another file. Nothing was read or written.")


@contextmanager
def _copied(folder: Path) -> Iterator[Path]:
    """A copy of the state folder, which is gone afterwards: what is done there is done by the code that does it."""
    from tallystick.replay.scratch import NoSpaceLeft

    with TemporaryDirectory(prefix="tallystick-dry-run-") as made:
        copy = Path(made) / "state"
        try:
            shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.lock", "replay.tmp*", "rejects"))
        except shutil.Error as faults:  # one for each file: what is said of the first says it all
            why = str(faults.args[0][0][2]).partition(": ")[0]
            raise NoSpaceLeft(
                f"{folder} cannot be copied to {made} for a dry run ({why}): set TMPDIR to a folder with more space"
            ) from faults
        yield copy
