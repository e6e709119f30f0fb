"""`tallystick backfill`: a dry run of past events first; the same for real when exactly that is approved."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from shared.web.formats import counted
from tallystick.authorisation import Authorisation
from tallystick.console import answer
from tallystick.interruption import run_to_end
from tallystick.options import Actor, Json, LookupOption, input_file, lookup_files

if TYPE_CHECKING:
    from tallystick.backfill.report import BackfillReport

app = typer.Typer(add_completion=False)


@app.command()
def backfill(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    file: Annotated[Path, input_file("Events, one a line, or a CSV; also .gz.")],
    mapping: Annotated[str | None, typer.Option(help="For a CSV: one that comes with Tallystick, or a path.")] = None,
    lookup: LookupOption = None,
    approve: Annotated[str | None, typer.Option(help="The digest of the report: do exactly that.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why. It is kept for ever.")] = None,
    actor: Actor = None,
    as_json: Json = False,
) -> None:
    """The report on FILE (events, one a line, or a CSV; also .gz) is printed; if approved, the new events are sent."""
    import msgspec

    from tallystick.backfill.report import lines
    from tallystick.backfill.run import BackfillOptions, run_backfill
    from tallystick.replay.mapping import read_mapping
    from tallystick.replay.piped import as_file

    approved = None if approve is None else (approve, Authorisation.of(actor, reason or ""))
    read = None if mapping is None else read_mapping(mapping, lookups=lookup_files(lookup))
    with as_file(file) as export:
        report = run_to_end(run_backfill(BackfillOptions(export, read, approved)))
    value = {"digest": report.changes.digest, "sent": bool(approved and report.new)} | msgspec.structs.asdict(report)
    answer(value, [*lines(report), *_outcome(report, approved)], as_json=as_json)


def _outcome(report: "BackfillReport", approved: tuple[str, Authorisation] | None) -> Iterator[str]:
    if not report.new:
        yield "No difference: there is nothing to send."
        return
    yield f"digest: {report.changes.digest}"
    if approved is None:
        yield "Nothing was stored or sent. To do exactly this, run it again with --approve DIGEST --reason TEXT."
    else:
        yield f"{counted(report.new, 'event')} sent. Approved by {approved[1].actor}: {approved[1].reason}"
