"""All that a monitor's live state holds, to be compared before and after a loss."""

from dataclasses import dataclass
from pathlib import Path

from shared.contracts.topics import TICKETS, WORK
from shared.log.port import Outgoing, Quarantined, Shard, every_shard
from shared.state.connect import connect
from shared.state.port import StateStore
from shared.units import EpochSeconds
from sla_monitor.domain.item import Item, load_item

EVERYTHING = 1_000_000


@dataclass(frozen=True)
class ShardContent:
    """One shard without what depends on how it was written: its revision, and the instant to which its clock moved."""

    positions: tuple[int, ...]
    counts: dict[str, int]
    items: dict[str, Item]
    due: list[tuple[str, EpochSeconds]]
    outbox: list[Outgoing]
    quarantine: list[Quarantined]


def state_address(folder: Path, state_url: str) -> str:
    """Where `monitor(folder, state_url=…)` keeps its live state."""
    return state_url or f"sqlite:///{folder}/sla-monitor-state.db"


async def live_state_content(address: str) -> dict[Shard, ShardContent]:
    """Every shard that was ever written."""
    states = connect(address)
    shards = every_shard((TICKETS, WORK))
    found = {shard: await _held(states, shard) for shard in shards}
    await states.close()
    return {shard: each for shard, each in found.items() if each is not None}


async def _held(states: StateStore, shard: Shard) -> ShardContent | None:
    head = await states.head(shard)
    if head is None:
        return None
    items = await states.scan(shard, after="", limit=EVERYTHING)
    return ShardContent(
        positions=(head.first_offset, head.next_offset, head.catalogue_position, head.decisions_position),
        counts={name: count for name, count in sorted(head.counts.items()) if count},
        items={key: load_item(blob) for key, blob in items},
        due=await states.due(shard, until_s=EpochSeconds(2**40), limit=EVERYTHING),
        outbox=await states.outbox(shard, limit=EVERYTHING),
        quarantine=await states.quarantine(shard, after_offset=-1, limit=EVERYTHING),
    )
