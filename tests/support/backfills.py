"""Tickets and readings of March 2026: what services have seen of them, and what never arrived."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from typer.testing import CliRunner, Result

from catalogue.adapters.partnership_files import load as read_example
from shared.clock import WallClock
from shared.contracts.codec import encode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import Topic
from shared.contracts.usage import UsageData, UsageRecorded
from shared.log.port import Message
from shared.units import CouncilId, EpochMillis, ItemId
from tallystick.command import app
from tallystick.stack import open_stack
from tests.support.monitoring import local, ticket

Sent = Sequence[tuple[Topic, ItemEvent]]

LIVE = ticket(("Mon 2026-03-02 09:00", "opened"), ("Thu 2026-03-12 16:00", "resolved"), item="seen")
LATE = [
    *ticket(("Tue 2026-03-03 09:00", "opened"), ("Tue 2026-03-03 10:00", "resolved"), item="kept"),
    *ticket(("Tue 2026-03-03 09:00", "opened"), ("Fri 2026-03-27 16:00", "resolved"), item="missed"),
    *ticket(("Wed 2026-03-04 09:00", "opened"), item="open", council="worthing"),
    *ticket(("Mon 2026-03-02 10:00", "paused"), ("Thu 2026-03-12 15:30", "resumed"), item="seen"),
]
READING = UsageRecorded(
    id="pay-march",
    source="/desk",
    time=local("Wed 2026-04-01 09:00"),
    subject=ItemId("pay-march"),
    council=CouncilId("adur"),
    data=UsageData(service="payroll", quantity="412", business_date=local("Tue 2026-03-31 09:00").date()),
)


def message(event: ItemEvent) -> Message:
    """The event as it was sent when it happened."""
    return Message(event.key, encode_event(event), timestamp_ms=EpochMillis(int(event.time.timestamp() * 1000)))


def file_of(folder: Path, events: Sequence[ItemEvent], *lines: bytes) -> Path:
    """The events, one a line, with whatever lines more."""
    path = folder / "missing.ndjson"
    path.write_bytes(b"\n".join([*map(encode_event, events), *lines]) + b"\n")
    return path


def work(folder: Path, sent: Sent = ()) -> None:
    """The services on `folder` know the example's catalogue and have done all there is to do with what was `sent`."""

    async def settled() -> None:
        async with open_stack(folder, clock=WallClock()) as stack:
            await stack.record([placed.definition for placed in read_example("adur-worthing").entries])
            for topic, event in sent:
                await stack.bus.publish(topic.name, [message(event)])
            await stack.drain(lambda _: None)

    asyncio.run(settled())


def backfill(folder: Path, file: Path, *arguments: str) -> Result:
    """The command, run on `folder`."""
    environment = {"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"}
    return CliRunner(env=environment).invoke(app, ["backfill", str(file), *arguments])


def output_of(folder: Path, file: Path, *arguments: str) -> str:
    """What the command printed, having ended well."""
    result = backfill(folder, file, *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout
