"""`tallystick illustrate`: illustrative events of an example partnership are in the log that BUS_URL names."""

import asyncio
from datetime import date

from catalogue.adapters.partnership_files import example_names
from catalogue.adapters.partnership_files import load as read_example
from shared.bus.connect import UnknownBus, connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.period import LONDON
from shared.settings import ServiceSettings, read_settings
from shared.startup_errors import InvalidSettings
from tallystick.console import fail, out, progress
from tallystick.demo.sending import send
from tallystick.demo.year import months_of_events


def illustrate(example: str, *, months: int, seed: int) -> None:
    """The events of the last `months`, up to yesterday's end, are sent. To send them again changes nothing."""
    if example not in example_names():
        fail(f"There is no example {example!r}.", do=f"Shipped examples: {', '.join(example_names())}.")
    today = WallClock().now().astimezone(LONDON).date()
    try:
        count = asyncio.run(_illustrate(example, months=months, seed=seed, until=today))
    except (InvalidSettings, UnknownBus) as fault:
        fail(str(fault), do="Name the log with BUS_URL.")
    out.print(f"{count:,} illustrative events were sent.", highlight=False)


async def _illustrate(example: str, *, months: int, seed: int, until: date) -> int:
    definitions = [placed.definition for placed in read_example(example).submission.entries]
    events = list(months_of_events(definitions, months=months, until=until, seed=seed))
    bus = connect(read_settings(ServiceSettings).bus)
    try:
        await bus.ensure_topics(TOPICS)
        with progress() as bars:
            bar = bars.add_task("Sending events", total=len(events))
            await send(bus, events, report=lambda sent: bars.update(bar, completed=sent))
    finally:
        await bus.close()
    return len(events)
