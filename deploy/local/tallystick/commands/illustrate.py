"""`tallystick illustrate`: illustrative events of an example partnership are in the log that BUS_URL names."""

import asyncio
from typing import Annotated

import typer

from shared.clock import WallClock
from shared.period import LONDON
from shared.web.formats import counted
from tallystick.console import answer, progress
from tallystick.options import Example, Json
from tallystick.servers import require_addresses
from tallystick.stack import require_folder

app = typer.Typer(add_completion=False)


@app.command()
def illustrate(
    example: Example = "adur-worthing",
    months: Annotated[int, typer.Option(min=1, max=13, help="This month and those before it, so many in all.")] = 2,
    seed: Annotated[int, typer.Option(help="Another seed makes other events.")] = 1,
    as_json: Json = False,
) -> None:
    """The events of the last `months`, up to yesterday's end, are sent. To send them again changes nothing."""
    count = asyncio.run(_send(example, months=months, seed=seed))
    answer({"events": count}, [f"{counted(count, 'illustrative event')} sent."], as_json=as_json)


async def _send(example: str, *, months: int, seed: int) -> int:
    from shared.bus.connect import connect
    from shared.contracts.topics import TOPICS
    from shared.settings import ServiceSettings, read_settings
    from tallystick.demo.example import example_definitions, send
    from tallystick.demo.year import months_of_events

    definitions = example_definitions(example)
    today = WallClock().now().astimezone(LONDON).date()
    events = list(months_of_events(definitions, months=months, until=today, seed=seed))
    require_addresses(["BUS_URL"])
    settings = read_settings(ServiceSettings)
    require_folder(settings.var, unless=[settings.bus_url])
    bus = connect(settings.bus)
    try:
        await bus.ensure_topics(TOPICS)
        with progress() as bars:
            bar = bars.add_task("Sending events", total=len(events))
            await send(bus, events, report=lambda sent: bars.update(bar, completed=sent))
    finally:
        await bus.close()
    return len(events)
