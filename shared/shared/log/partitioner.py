"""Which partition a key belongs to, as every Kafka client in its default setting decides it, and who reads what.

An integrator's producer and ours must agree, or one item's events are no longer in one partition.
Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner` (MurmurHash2 with a fixed
seed, by Austin Appleby, public domain).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from struct import unpack_from

from shared.log.port import Message, Place, Shard

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(maxsize=65_536)  # the events of one item follow one another, and hashing costs more than remembering
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` in a topic of `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def by_partition(messages: Iterable[Message], partitions: int) -> dict[int, list[Message]]:
    """`messages` by the partition of their key, in their order."""
    grouped: dict[int, list[Message]] = {}
    for message in messages:
        grouped.setdefault(partition_of(message.key.encode(), partitions), []).append(message)
    return grouped


def places_of(messages: Iterable[Message], partitions: int, offsets: Mapping[int, Iterable[int | None]]) -> list[Place]:
    """The place of each of `messages`, whose `offsets` are those of each partition in the order of appending."""
    left = {partition: iter(each) for partition, each in offsets.items()}
    chosen = (partition_of(message.key.encode(), partitions) for message in messages)
    return [Place(partition, next(left[partition])) for partition in chosen]


def assign_shards(shards: Iterable[Shard], subscribed: Sequence[Collection[str]]) -> list[frozenset[Shard]]:
    """The shards of each member of a group, in the order of the members' `subscribed` topics: one owner a shard.

    Members that want the same topics get shares that differ by one shard of a topic at most.
    """
    shares: list[set[Shard]] = [set() for _ in subscribed]
    for shard in shards:
        wanting = [member for member, topics in enumerate(subscribed) if shard.topic in topics]
        if wanting:
            shares[wanting[shard.partition % len(wanting)]].add(shard)
    return [frozenset(share) for share in shares]


def murmur2(data: bytes) -> int:
    """The unsigned 32-bit hash of `data`: little-endian words of four bytes, then what is left over."""
    words, tail = divmod(len(data), 4)
    mixed = _SEED ^ len(data)
    for word in unpack_from(f"<{words}I", data):
        scrambled = word * _MULTIPLIER & _32_BITS
        scrambled ^= scrambled >> 24
        mixed = (mixed * _MULTIPLIER ^ scrambled * _MULTIPLIER) & _32_BITS
    if tail:
        mixed = (mixed ^ int.from_bytes(data[-tail:], "little")) * _MULTIPLIER & _32_BITS
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _32_BITS
    return mixed ^ mixed >> 15
