"""`python -m shared.bus topics create|check`: the topics of the one list, on the Kafka that BUS_URL names.

`create` creates what is missing and leaves alone what exists; `check` creates nothing. Both end with 2 when a topic is
not as the list says, and `create` may be repeated.
"""

import asyncio
import sys
from collections.abc import Sequence

from shared.bus import kafka_topics
from shared.bus.kafka_address import KafkaAddress, parse
from shared.bus.kafka_topics import describe_cluster
from shared.contracts.topics import TOPICS, Topic
from shared.log.port import BusError
from shared.settings import ServiceSettings, read_settings
from shared.startup_errors import InvalidSettings

USAGE = "expected: python -m shared.bus topics create|check"
EXIT_UNUSABLE = 2


def main(arguments: Sequence[str]) -> int:
    """0 when all topics are as the list says, 2 when not; what was found is on the output, what is wrong on stderr."""
    try:
        asyncio.run(_verb(arguments))
    except (InvalidSettings, BusError) as fault:
        print(f"topics: {fault}", file=sys.stderr)  # noqa: T201 (a command's answer)
        return EXIT_UNUSABLE
    return 0


async def _verb(arguments: Sequence[str]) -> None:
    match arguments:
        case ["topics", "create"]:
            await _create(_address())
        case ["topics", "check"]:
            await _check(_address())
        case _:
            raise InvalidSettings(USAGE)


def _address() -> KafkaAddress:
    url = read_settings(ServiceSettings).bus_url
    if not url:
        raise InvalidSettings("BUS_URL is not set; an embedded log's topics are created by the services themselves")
    return parse(url)


async def _create(address: KafkaAddress) -> None:
    created = await kafka_topics.ensure(address, TOPICS)
    for topic in TOPICS:
        _say(topic, "created" if topic in created else "exists")


async def _check(address: KafkaAddress) -> None:
    cluster = await describe_cluster(address)
    kafka_topics.check(TOPICS, cluster)
    missing = [topic for topic in TOPICS if topic.name not in cluster.topics]
    for topic in TOPICS:
        _say(topic, "missing" if topic in missing else "exists")
    if missing:
        raise BusError(f"{len(missing)} of {len(TOPICS)} do not exist: python -m shared.bus topics create")


def _say(topic: Topic, state: str) -> None:
    kept = "compacted" if topic.retention_days is None else f"{topic.retention_days} days"
    print(f"{topic.name:<24} {topic.partitions:>2} partitions  {kept:<9}  {state}")  # noqa: T201 (a command's answer)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
