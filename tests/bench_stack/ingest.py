"""Usage that billing takes into PostgreSQL a second, from Kafka."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, create_engine, func, select

from billing.store.tables import progress
from shared.bus.connect import connect
from shared.contracts.codec import encode_event
from shared.contracts.topics import USAGE
from shared.contracts.usage import UsageData, UsageRecorded
from shared.ids import derived_id
from shared.log.port import Message
from shared.units import CouncilId, ItemId
from tests.bench_stack.environment import BenchEnvironment, rate
from tests.support.tickets import COUNCILS, FIRST

EVENTS = 300_000
_PAGE = 4_000


def run(env: BenchEnvironment) -> None:
    """Prints one rate; `make bench` has it beside a bare COPY."""
    asyncio.run(_fill(env))
    with env.service("billing") as (_, database):
        engine = create_engine(database)
        taken_in = rate(EVENTS, lambda: _taken_in(engine))
        engine.dispose()
    sys.stdout.write(f"{'usage taken in by billing, one process':<50} {taken_in:>12,.0f} /s\n")


def _taken_in(engine: Engine) -> int:
    read = func.coalesce(func.sum(progress.c.next_offset - progress.c.first_offset), 0)
    with engine.connect() as connection:
        return int(connection.scalar(select(read).where(progress.c.topic == USAGE.name)) or 0)


async def _fill(env: BenchEnvironment) -> None:
    bus = connect(env.bus)
    for start in range(0, EVENTS, _PAGE):
        await bus.publish(USAGE.name, [_reading(number) for number in range(start, min(start + _PAGE, EVENTS))])
    await bus.close()


def _reading(number: int) -> Message:
    event = UsageRecorded(
        id=derived_id("bench", number),
        source="/bench",
        time=min(FIRST + timedelta(seconds=number), datetime.now(UTC)),
        subject=ItemId(f"reading-{number}"),
        council=CouncilId(COUNCILS[number % len(COUNCILS)]),
        data=UsageData(service="payroll", quantity="1.5"),
    )
    return Message(event.key, encode_event(event))
