"""What one process can do at most on these servers: fetch, decode, and one compare-and-set of the same bytes a batch.

Run as a process: `python -m tests.bench_stack.ceiling BROKER REDIS EVENTS` prints how many it has done, batch by batch.
"""

import asyncio
import sys
from collections import defaultdict

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from shared.contracts.topics import TICKETS

_BATCH = 500
_PATIENCE_MS = 1000
_SCRIPT = """
if (redis.call('GET', KEYS[1]) or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[2], unpack(ARGV, 3))
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""


class _Envelope(msgspec.Struct):
    id: str
    source: str
    type: str
    subject: str
    council: str
    time: str


_decoder = msgspec.json.Decoder(_Envelope)


async def main(broker: str, redis_url: str, events: int) -> None:
    """All events of the topic were read and stored; whoever has started this ends it."""
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False)
    redis = Redis.from_url(redis_url)
    store = redis.register_script(_SCRIPT)
    await consumer.start()
    partitions = [TopicPartition(TICKETS.name, partition) for partition in range(TICKETS.partitions)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    offsets: dict[int, int] = defaultdict(int)
    seen = 0
    while seen < events:
        fetched = await consumer.getmany(timeout_ms=_PATIENCE_MS, max_records=_BATCH)
        for partition, records in fetched.items():
            items = {record.key: record.value for record in records if _decoder.decode(record.value)}
            number, after = partition.partition, records[-1].offset + 1
            flat = [part for pair in items.items() for part in pair]
            if not await store([f"at{{{number}}}", f"items{{{number}}}"], [offsets[number], after, *flat]):
                raise RuntimeError("somebody else wrote")
            offsets[number] = after
            seen += len(records)
        sys.stdout.write(f"{seen}\n")
        sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
