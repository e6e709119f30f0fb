"""How many records each service has still to read: a fault counts only where there are some, and 0 ends a run."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from tests.chaos.fleet import Fleet
from tests.chaos.oracle import log, stores
from tests.chaos.oracle.stores import StoredProgress
from tests.chaos.servers import Servers
from tests.chaos.traffic import TICKETS, USAGE, WORK

CATALOGUE, VERDICTS = "catalogue.changes.v1", "sla.verdicts.v1"
READ_BY = {
    "billing": (CATALOGUE, TICKETS, WORK, USAGE, VERDICTS),
    "sla_monitor": (TICKETS, WORK),
    "read model": (VERDICTS,),
}
PARTITIONS = 12
EVERY_S = 1.0
UNREACHABLE = (KafkaError, RedisError, psycopg.Error, OSError, TimeoutError)


class LagMonitor:
    """`unread` is as of a moment ago; of a service whose store is unreachable, as of the last answer."""

    def __init__(self, servers: Servers, fleet: Fleet) -> None:
        self._servers, self._fleet = servers, fleet
        self.unread: dict[str, int] = dict.fromkeys(READ_BY, 0)

    async def watch(self, stop: asyncio.Event) -> None:
        """Measures every second, until `stop` is set: a Kafka client that is cancelled leaves connections open."""
        while not stop.is_set():
            with suppress(*UNREACHABLE):  # a server is down: that is what the run is for
                await self.measure()
            await asyncio.sleep(EVERY_S)

    async def measure(self) -> bool:
        """Whether nothing is left to read, and nothing to announce; raises one of `UNREACHABLE`."""
        read = {reader: await asyncio.to_thread(self._read, reader) for reader in READ_BY}
        waiting = await asyncio.to_thread(self._unpublished)
        ends = {topic: await log.ends(self._servers.kafka, topic) for topic in READ_BY["billing"]}
        for reader, topics in READ_BY.items():
            held = [(topic, partition, end) for topic in topics for partition, end in ends[topic].items()]
            self.unread[reader] = sum(end - read[reader].get((topic, number), 0) for topic, number, end in held)
        if waiting or any(self.unread.values()):
            return False
        return await asyncio.to_thread(self._all_reconciled)

    def _unpublished(self) -> int:
        return sum(stores.unpublished(self._servers.redis.url, topic, PARTITIONS) for topic in READ_BY["sla_monitor"])

    def _all_reconciled(self) -> bool:
        """Whether the monitors own all that was ever judged, and have reconciled it with what was announced."""
        monitors = self._fleet.of("sla_monitor")
        owned = [
            lag for each in monitors for lag in each.figures('tallystick_consumer_lag_records{group="sla-monitor",')
        ]
        unreconciled = [shards for each in monitors for shards in each.figures("tallystick_unreconciled_shards ")]
        return not monitors or (len(owned) == len(self.progress("sla_monitor")) and not any(unreconciled))

    def _read(self, reader: str) -> dict[tuple[str, int], int]:
        return {(each.topic, each.partition): each.next for each in self.progress(reader)}

    def progress(self, reader: str) -> Sequence[StoredProgress]:
        """How far a reader is, by its own store."""
        match reader:
            case "billing":
                return stores.stored_progress(self._servers.database("billing"), "progress")
            case "read model":
                return stores.stored_progress(self._servers.database("sla_monitor"), "verdict_progress")
            case _:
                redis = self._servers.redis.url
                return [each for topic in READ_BY[reader] for each in stores.live_progress(redis, topic, PARTITIONS)]
