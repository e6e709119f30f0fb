"""How much each service has still to read: what makes a fault hit something, and what tells that all is done."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import psycopg
from aiokafka.errors import KafkaError
from redis.exceptions import RedisError

from tests.chaos.fleet import Fleet
from tests.chaos.oracle import log, stores
from tests.chaos.oracle.stores import Standing
from tests.chaos.servers import Servers
from tests.chaos.traffic import TICKETS, USAGE

WORK, CATALOGUE, VERDICTS = "provider.work.v1", "catalogue.changes.v1", "sla.verdicts.v1"
READ_BY = {
    "billing": (CATALOGUE, TICKETS, WORK, USAGE, VERDICTS),
    "sla_monitor": (TICKETS, WORK),
    "read model": (VERDICTS,),
}
PARTITIONS = 12
EVERY_S = 1.0
AWAY = (KafkaError, RedisError, psycopg.Error, OSError, TimeoutError)


class Meter:
    """`unread` is as it was a moment ago; of a service whose store is away, as it was when it was last seen."""

    def __init__(self, servers: Servers, fleet: Fleet) -> None:
        self._servers, self._fleet = servers, fleet
        self.unread: dict[str, int] = dict.fromkeys(READ_BY, 0)

    async def watch(self) -> None:
        """Looks again and again, until it is cancelled."""
        while True:
            with suppress(*AWAY):  # a server is down: that is what the run is for
                await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> bool:
        """Whether nothing is left to read, and nothing to announce; raises one of `AWAY`."""
        read = {reader: await asyncio.to_thread(self._read, reader) for reader in READ_BY}
        waiting = await asyncio.to_thread(stores.waiting, self._servers.redis.url, TICKETS, PARTITIONS)
        ends = {topic: await log.ends(self._servers.kafka, topic) for topic in READ_BY["billing"]}
        for reader, topics in READ_BY.items():
            held = [(topic, partition, end) for topic in topics for partition, end in ends[topic].items()]
            self.unread[reader] = sum(end - read[reader].get((topic, number), 0) for topic, number, end in held)
        if waiting or any(self.unread.values()):
            return False
        return await asyncio.to_thread(self._all_compared)

    def _all_compared(self) -> bool:
        """Whether the monitors own all that was ever judged, and have compared it with what they had announced."""
        monitors = self._fleet.of("sla_monitor")
        owned = [lag for each in monitors for lag in each.figures('consumer_lag_records{group="sla-monitor",')]
        doubts = [shards for each in monitors for shards in each.figures("sla_shards_in_doubt ")]
        return not monitors or (len(owned) == len(self.standings("sla_monitor")) and not any(doubts))

    def _read(self, reader: str) -> dict[tuple[str, int], int]:
        return {(each.topic, each.partition): each.next for each in self.standings(reader)}

    def standings(self, reader: str) -> Sequence[Standing]:
        """How far a reader is, by its own store."""
        match reader:
            case "billing":
                return stores.standings(self._servers.database("billing"), "progress")
            case "read model":
                return stores.standings(self._servers.database("sla_monitor"), "verdict_progress")
            case _:
                redis = self._servers.redis.url
                return [each for topic in READ_BY[reader] for each in stores.live_standings(redis, topic, PARTITIONS)]
