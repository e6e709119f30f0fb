"""Another process that appends: `python -m tests.support.appender BUS_URL TOPIC NAME COUNT`.

Sends `NAME:0`, `NAME:1`, … in batches of ten and says after each batch, once it is durable, how many it has sent.
"""

import asyncio
import sys

from shared.bus.connect import connect
from shared.log.port import Message

BATCH = 10


async def append(url: str, topic: str, name: str, count: int) -> None:
    """`count` messages are in the log, under twenty keys."""
    bus = connect(url)
    for start in range(0, count, BATCH):
        numbers = range(start, start + BATCH)
        await bus.publish(topic, [Message(f"{name}-{n % 20}", f"{name}:{n}".encode()) for n in numbers])
        sys.stdout.write(f"{start + BATCH}\n")
        sys.stdout.flush()
    await bus.close()


if __name__ == "__main__":
    asyncio.run(append(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
