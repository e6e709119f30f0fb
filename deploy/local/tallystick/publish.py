"""Messages brought to the log in batches."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import islice

from shared.log.port import Bus, Message

_BATCH = 4000


async def publish(bus: Bus, messages: Iterable[tuple[str, Message]], progressed: Callable[[int], None]) -> int:
    """Every message is in the log under its topic, within each topic in the order given; returns how many there were.

    They are drawn in a worker thread, a batch at a time; `progressed` gets how many are in the log, after each batch.
    """
    source, count = iter(messages), 0
    while batch := await asyncio.to_thread(lambda: list(islice(source, _BATCH))):
        topics: dict[str, list[Message]] = defaultdict(list)
        for topic, message in batch:
            topics[topic].append(message)
        for topic, of_topic in topics.items():
            await bus.publish(topic, of_topic)
        count += len(batch)
        progressed(count)
    return count
