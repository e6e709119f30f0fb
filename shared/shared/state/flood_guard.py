"""The flood rule on live state: how many records of a batch may be ingested when some are invalid."""

from collections.abc import Awaitable, Callable, Sequence

from shared.log.flood import MAX_QUARANTINED, WINDOW, counts, halt_message, halting_offset
from shared.log.port import Quarantined, Record, Shard
from shared.log.processor import Halted
from shared.state.port import StateStore

# The offset below which people have accepted the floods of a shard.
AcceptedBelow = Callable[[Shard], Awaitable[int]]


async def nothing_accepted(_: Shard) -> int:
    """Nobody has accepted a flood."""
    return 0


class FloodGuard:
    """Counts what live state has quarantined, and what would be added to it."""

    def __init__(self, states: StateStore, accepted_below: AcceptedBelow) -> None:
        self._states, self._accepted_below = states, accepted_below

    async def before_flood(
        self, shard: Shard, records: Sequence[Record], quarantined: Sequence[Quarantined]
    ) -> list[Record]:
        """`records` up to the one that would make a flood of `quarantined` (not empty), all where none does.

        Raises `Halted` where the first of them does.
        """
        invalid = sorted(record.offset for record in quarantined if counts(record))
        if not invalid:
            return list(records)
        counted = max(invalid[0] - WINDOW, await self._accepted_below(shard))
        before = await self._first_invalid(shard, counted)
        halted_at = halting_offset(before, [offset for offset in invalid if offset >= counted])
        if halted_at is None:
            return list(records)
        if halted_at == records[0].offset:
            raise Halted(halt_message(shard, halted_at))
        return [record for record in records if record.offset < halted_at]

    async def _first_invalid(self, shard: Shard, first: int) -> list[int]:
        """The first quarantined offsets from `first` on that count: one more than the limit says as much as all."""
        found: list[int] = []
        after = first - 1
        # Each may hold 256 KiB, so few are read at once.
        while page := await self._states.quarantine(shard, after_offset=after, limit=MAX_QUARANTINED + 1):
            after = page[-1].offset
            found += [each.offset for each in page if counts(each)]
            if len(found) > MAX_QUARANTINED:
                break
        return found[: MAX_QUARANTINED + 1]
