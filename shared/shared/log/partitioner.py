"""Which partition a key belongs to, as every Kafka client in its default setting decides it.

An integrator's producer and ours must agree, or one item's events are no longer in one partition.
Source: Apache Kafka, `org.apache.kafka.common.utils.Utils.murmur2` and `BuiltInPartitioner` (MurmurHash2 with a fixed
seed, by Austin Appleby, public domain).
"""

from functools import lru_cache
from struct import unpack_from

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(maxsize=65_536)  # the events of one item follow one another, and hashing costs more than remembering
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` in a topic of `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


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
