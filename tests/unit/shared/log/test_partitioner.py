"""Keys go where every Kafka client sends them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log.partitioner import murmur2, partition_of


# Source: Apache Kafka, UtilsTest.testMurmur2, as signed 32-bit integers; the last has a tail of three bytes and was
# taken from aiokafka 0.14.
@pytest.mark.parametrize(
    ("key", "signed"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
        ("adur:ict-000123", 1111145076),
    ],
)
def test_the_hash_is_kafkas(key: str, signed: int) -> None:
    assert murmur2(key.encode()) == signed % 2**32


@given(key=st.binary(max_size=80), partitions=st.integers(1, 100))
def test_every_key_has_a_partition_of_the_topic(key: bytes, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
