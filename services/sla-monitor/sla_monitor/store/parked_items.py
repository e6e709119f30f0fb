"""Which facts wait for the catalogue, of which councils. Looks at every item: for people, not for a metric."""

from collections import Counter
from datetime import UTC, date, datetime

from shared.log.port import Shard, every_shard
from shared.period import LONDON
from shared.quarantine.service import Parked, WaitsFor
from shared.state.port import StateStore
from sla_monitor.domain.item import OUTAGE_MARK, load_item
from sla_monitor.ports import Catalogue
from sla_monitor.store.stored_items import ITEM_TOPICS

_PAGE = 1000


class ParkedItems:
    """Reads live state and changes nothing."""

    def __init__(self, states: StateStore, catalogue: Catalogue) -> None:
        self._states, self._catalogue = states, catalogue

    async def parked(self) -> list[Parked]:
        """By council: how many facts wait, and since when. Their sum is what the heads of all shards call parked."""
        records: Counter[str] = Counter()
        oldest: dict[str, date] = {}
        for shard in every_shard(ITEM_TOPICS):
            await self._look(shard, records, oldest)
        return sorted(
            Parked(council, self._waits_for(council), records[council], oldest[council]) for council in records
        )

    async def _look(self, shard: Shard, records: Counter[str], oldest: dict[str, date]) -> None:
        after = ""
        while page := await self._states.scan(shard, after=after, limit=_PAGE):
            after = page[-1][0]
            for key, blob in page:
                item = load_item(blob)
                if item.waiting:
                    council = key.removeprefix(OUTAGE_MARK).partition(":")[0]
                    first = min(_london_day(fact.at_s) for fact in item.facts)
                    records[council] += len(item.facts)
                    oldest[council] = min(first, oldest.get(council, first))

    def _waits_for(self, council: str) -> WaitsFor:
        return "calendar" if self._catalogue.agreements(council) else "agreement"


def _london_day(at_s: int) -> date:
    return datetime.fromtimestamp(at_s, UTC).astimezone(LONDON).date()
