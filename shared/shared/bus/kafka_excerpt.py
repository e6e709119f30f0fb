"""A piece of one shard, read by a consumer of its own that is in no group."""

import time

from shared.bus.kafka_address import KafkaAddress
from shared.bus.kafka_client import REQUEST_MS, Consumer, RawRecord, as_partition, standalone_consumer, stop
from shared.log.port import Shard

_PATIENCE_MS = 500


async def fetch_range(address: KafkaAddress, shard: Shard, *, start: int, end: int, limit: int) -> list[RawRecord]:
    """The records of `shard` in [start, end), at most `limit`; raises `TimeoutError` when they do not come."""
    consumer = standalone_consumer(address)
    try:
        await consumer.start()
        partition = as_partition(shard)
        consumer.assign([partition])
        consumer.seek(partition, start)
        return await _fetched(consumer, partition, end=end, limit=limit)
    finally:
        await stop(consumer)


async def _fetched(consumer: Consumer, partition: Shard, *, end: int, limit: int) -> list[RawRecord]:
    found: list[RawRecord] = []
    heard_at = time.monotonic()
    # What ends the log may be no record but the mark of a transaction: the consumer's position passes it.
    while len(found) < limit and await consumer.position(partition) < end:
        fetched = await consumer.getmany(partition, timeout_ms=_PATIENCE_MS, max_records=limit - len(found))
        if fetched:
            heard_at = time.monotonic()
            found += [record for record in fetched[partition] if record.offset < end]
        elif time.monotonic() - heard_at >= REQUEST_MS / 1000:
            raise TimeoutError(f"nothing came in {REQUEST_MS} ms")
    return found
