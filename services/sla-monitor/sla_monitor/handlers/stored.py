"""The items in live state: all of them in pages, and each judged by what was known of the catalogue in its time."""

from collections.abc import AsyncIterator

from shared.bus.port import Shard
from shared.contracts.topics import TICKETS, WORK
from shared.state.port import ShardStates
from sla_monitor.domain.item import Item
from sla_monitor.domain.terms import MissingCalendar
from sla_monitor.domain.verdict import Evaluation, evaluate
from sla_monitor.ports import Catalogue, RulingsLog

ITEM_TOPICS = (TICKETS, WORK)
_PAGE = 1000


class StoredItems:
    """Reads live state and changes nothing."""

    def __init__(self, states: ShardStates, catalogue: Catalogue, rulings: RulingsLog) -> None:
        self._states, self._catalogue, self._rulings = states, catalogue, rulings

    async def pages(self) -> AsyncIterator[list[tuple[str, bytes]]]:
        """Every item of every shard as (council:item, bytes), at most a thousand at a time."""
        for topic in ITEM_TOPICS:
            for partition in range(topic.partitions):
                shard, after = Shard(topic.name, partition), ""
                while page := await self._states.scan(shard, after=after, limit=_PAGE):
                    after = page[-1][0]
                    yield page

    def evaluate(self, council: str, name: str, item: Item, *, as_of: int) -> Evaluation:
        """What holds of the item; waiting where its calendar is not known yet."""
        try:
            return evaluate(
                item.facts,
                council=council,
                item=name,
                book=self._catalogue.book_known_to(item.known_to),
                exclusions=self._rulings.rulings.approved(council),
                as_of=as_of,
            )
        except MissingCalendar:
            return Evaluation(None, waiting=True)
