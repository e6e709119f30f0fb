"""How shards are assigned to the members of a group."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from shared.log.partitioner import assign_shards
from shared.log.port import Shard

TOPICS = {"tickets": 12, "work": 5, "catalogue": 1}
SHARDS = [Shard(topic, partition) for topic, partitions in TOPICS.items() for partition in range(partitions)]
wishes = st.lists(st.frozensets(st.sampled_from(sorted(TOPICS))), max_size=6)


@given(wishes=wishes)
def test_every_shard_that_somebody_wants_has_exactly_one_owner_and_that_one_wants_it(
    wishes: list[frozenset[str]],
) -> None:
    shares = assign_shards(SHARDS, wishes)

    wanted = [shard for shard in SHARDS if any(shard.topic in wish for wish in wishes)]
    assert sorted(shard for share in shares for shard in share) == sorted(wanted)
    assert all(shard.topic in wish for share, wish in zip(shares, wishes, strict=True) for shard in share)


@given(members=st.integers(1, 20))
def test_members_subscribed_to_the_same_get_shares_of_a_topic_that_differ_by_one_at_most(members: int) -> None:
    shares = assign_shards(SHARDS, [list(TOPICS)] * members)

    for topic in TOPICS:
        sizes = Counter(len([shard for shard in share if shard.topic == topic]) for share in shares)
        assert max(sizes) - min(sizes) <= 1
