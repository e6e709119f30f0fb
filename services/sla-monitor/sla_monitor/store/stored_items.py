"""The items in live state: all of them in pages, and each judged by what was known of the catalogue in its time."""

from collections.abc import AsyncIterator
from itertools import chain

from shared.contracts.topics import TICKETS, WORK
from shared.log.port import Shard, every_shard
from shared.state.port import StateStore
from sla_monitor.domain.agreements import MissingCalendar
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.item import LAST_OUTAGE, OUTAGE_MARK, Item, Outage, load_item, outage_of
from sla_monitor.ports import Catalogue, DecisionsLog

ITEM_TOPICS = (TICKETS, WORK)
_PAGE = 1000


class StoredItems:
    """Reads live state and changes nothing."""

    def __init__(self, states: StateStore, catalogue: Catalogue, rulings: DecisionsLog) -> None:
        self._states, self._catalogue, self._rulings = states, catalogue, rulings

    async def pages(self) -> AsyncIterator[list[tuple[str, bytes]]]:
        """Every item of every shard as (council:item, bytes), at most a thousand at a time."""
        for shard in every_shard(ITEM_TOPICS):
            after = LAST_OUTAGE
            while page := await self._states.scan(shard, after=after, limit=_PAGE):
                after = page[-1][0]
                yield page

    async def outages(self) -> list[Outage]:
        """Every outage that ever was, by council and id."""
        pages = [await self._outages(shard) for shard in every_shard([WORK])]
        return sorted(chain.from_iterable(pages), key=lambda outage: (outage.council, outage.id))

    async def _outages(self, shard: Shard) -> list[Outage]:
        found: list[Outage] = []
        after = OUTAGE_MARK
        while page := await self._states.scan(shard, after=after, limit=_PAGE):
            after = page[-1][0]
            held = [outage_of(key, load_item(blob).facts) for key, blob in page if key.startswith(OUTAGE_MARK)]
            found += [outage for outage in held if outage is not None]
            if not after.startswith(OUTAGE_MARK):
                break
        return found

    def evaluate(self, council: str, name: str, item: Item, *, as_of: int) -> Evaluation:
        """What holds of the item; waiting where its calendar is not known yet."""
        try:
            return evaluate(
                item.facts,
                council=council,
                item=name,
                agreement_index=self._catalogue.book_known_to(item.known_to),
                exclusions=self._rulings.rulings.approved(council),
                as_of=as_of,
            )
        except MissingCalendar:
            return Evaluation(None, waiting=True)
