"""What a reading costs billing, from Kafka into PostgreSQL."""

import asyncio
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
from tests.bench_stack.cost import header, print_lines, row
from tests.bench_stack.environment import BenchEnvironment
from tests.support.tickets import COUNCILS, FIRST

EVENTS = 300_000
_PAGE = 4_000


def run(env: BenchEnvironment) -> None:
    """Prints one row; `make bench` has billing's rate beside a bare COPY."""
    asyncio.run(_fill(env))
    with env.service("billing") as ([billing], database):
        engine = create_engine(database)
        cost = env.measure("usage ingested: 1 process", EVENTS, lambda: _ingested(engine), [billing.process.pid])
        engine.dispose()
    print_lines(header(), row(cost))


def _ingested(engine: Engine) -> int:
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
