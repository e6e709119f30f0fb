"""Who reads what in a consumer group: every shard has one owner among the members that want its topic."""

from collections.abc import Collection, Iterable, Sequence

from shared.log.port import Shard


def assign_shards(shards: Iterable[Shard], wishes: Sequence[Collection[str]]) -> list[frozenset[Shard]]:
    """The shards of each member, by the position of its wished topics in `wishes`.

    Members that want the same topics get shares that differ by one shard of a topic at most.
    """
    shares: list[set[Shard]] = [set() for _ in wishes]
    for shard in shards:
        wanting = [member for member, topics in enumerate(wishes) if shard.topic in topics]
        if wanting:
            shares[wanting[shard.partition % len(wanting)]].add(shard)
    return [frozenset(share) for share in shares]
