"""`tallystick quarantine`: records that could not be believed."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at records that could not be believed, and decide about them.")

Service = Annotated[str | None, typer.Option("--service", help="Only this one's: sla-monitor or billing.")]
Because = Annotated[str | None, typer.Option("--because", help="Only those set aside for this, as UNKNOWN_TYPE.")]
Places = Annotated[list[str] | None, typer.Argument(help="Where they are: provider.work.v1/3@1042.", metavar="PLACE…")]
Every = Annotated[bool, typer.Option("--all", help="Every open one instead of places.")]
Reason = Annotated[str, typer.Option("--reason", help="Why. It is kept for ever.")]
Actor = Annotated[str | None, typer.Option("--actor", help="Who decides.", show_default="your login name")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where nobody can be asked.")]


@app.command(name="list")
def list_(
    service: Service = None,
    because: Because = None,
    decided: Annotated[bool, typer.Option("--decided", help="Also those that somebody has decided about.")] = False,
) -> None:
    """What was set aside and is open: where, why, since when."""
    from tallystick.commands.quarantine import list_entries as run

    run(service, because=because, decided=decided)


@app.command()
def show(
    place: Annotated[str, typer.Argument(help="Where it is: provider.work.v1/3@1042.")],
    service: Service = None,
    to: Annotated[
        Path | None, typer.Option(help="Write the record's bytes, as they were sent, into this file.")
    ] = None,
) -> None:
    """One record with its bytes, and what was decided about it."""
    from tallystick.commands.quarantine import show as run

    run(place, service, to=to)


@app.command()
def redrive(  # noqa: PLR0917 (typer makes options of them: nobody passes them by position)
    reason: Reason,
    places: Places = None,
    service: Service = None,
    because: Because = None,
    every: Every = False,
    actor: Actor = None,
    yes: Yes = False,
) -> None:
    """Offer records again as they were sent, after what refused them was put right."""
    from tallystick.commands.quarantine import Selection
    from tallystick.commands.quarantine import redrive as run

    run(Selection(places or [], service, because, every), reason=reason, actor=actor, yes=yes)


@app.command()
def discard(  # noqa: PLR0917 (as above)
    reason: Reason,
    places: Places = None,
    service: Service = None,
    because: Because = None,
    every: Every = False,
    actor: Actor = None,
    yes: Yes = False,
) -> None:
    """Say that records shall not be offered again. Their bytes stay."""
    from tallystick.commands.quarantine import Selection
    from tallystick.commands.quarantine import discard as run

    run(Selection(places or [], service, because, every), reason=reason, actor=actor, yes=yes)


@app.command(name="accept-flood")
def accept_flood(
    shard: Annotated[str, typer.Argument(help="The halted one: provider.work.v1/3.")],
    reason: Reason,
    service: Service = None,
    actor: Actor = None,
    yes: Yes = False,
) -> None:
    """Let a halted shard go on, setting aside whatever of it cannot be believed up to now."""
    from tallystick.commands.quarantine import accept_flood as run

    run(shard, service, reason=reason, actor=actor, yes=yes)


@app.command()
def parked(service: Service = None) -> None:
    """What waits for the catalogue: of which council, how many records, since when."""
    from tallystick.commands.quarantine import parked as run

    run(service)


@app.command()
def decisions(service: Service = None) -> None:
    """Everything that was ever decided: when, who, what, why."""
    from tallystick.commands.quarantine import decisions as run

    run(service)
