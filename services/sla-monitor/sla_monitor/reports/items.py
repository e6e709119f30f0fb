"""Answers about items and months, from the live state, the read model and the agreements."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from msgspec import Struct

from shared.clock import Clock
from shared.contracts.definitions import Council, Objective, Service, Target
from shared.contracts.objectives import MEASURED_OVER, Judgement, Ratio, judge
from shared.log.partitioner import partition_of
from shared.log.port import Shard
from shared.period import Month, PeriodLength, month_of, period_of
from shared.state.port import StateStore
from sla_monitor.domain.attainment import misses_remaining
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.item import Item, load_item
from sla_monitor.domain.openslo import Document, documents
from sla_monitor.ports import Announcement, Catalogue, DecisionsLog, ReadModel, VerdictCounts
from sla_monitor.reports.periods import TargetsByPeriod, by_period
from sla_monitor.store.stored_items import ITEM_TOPICS, StoredItems


class ItemAnswer(Struct, frozen=True):
    """An item as it stands at `as_of` (epoch seconds), with all that was ever announced about it."""

    council: str
    item: str
    as_of: int
    facts: Sequence[AnyFact]
    evaluation: Evaluation
    said: Sequence[Announcement]


class Attainment(Struct, frozen=True):
    """A council's period against one target, which is None where no agreement of the period has it."""

    counted: VerdictCounts
    target: Target | None
    over: PeriodLength = "month"

    @property
    def objective(self) -> Objective | None:
        """What was agreed, over whatever period."""
        return None if self.target is None else self.target.objective

    @property
    def share(self) -> Ratio:
        """Good of total, in what the objective weighs by."""
        return self.counted.attained.weighed(self.objective)

    @property
    def judgement(self) -> Judgement:
        """Against the target's objective; one that is measured over another period says nothing about this one."""
        objective = self.objective
        if objective is not None and objective.over != self.over:
            return MEASURED_OVER[objective.over]
        return judge(self.counted.attained, objective)

    @property
    def misses_remaining(self) -> int | None:
        """How much more could have missed, in items or pence; None without an objective over such a period."""
        objective = self.objective
        if objective is None or objective.over != self.over:
            return None
        return misses_remaining(self.counted.attained, objective)


class Questions:
    """All that may be asked of the monitor. Nothing here changes anything."""

    def __init__(
        self, states: StateStore, read_model: ReadModel, catalogue: Catalogue, rulings: DecisionsLog, clock: Clock
    ) -> None:
        self._states, self._read_model, self._catalogue, self._clock = states, read_model, catalogue, clock
        self._stored = StoredItems(states, catalogue, rulings)

    async def items(self, item: str, *, council: str | None = None) -> list[ItemAnswer]:
        """The items of that id: one at most where the council is given, else one for each council that uses the id."""
        councils = [council] if council is not None else self._catalogue.agreement_index.councils
        found = [await self._item(name, item) for name in councils]
        return [answer for answer in found if answer is not None]

    def attainment(
        self,
        *,
        month: Month | None = None,
        council: str | None = None,
        service: str | None = None,
        over: PeriodLength = "month",
    ) -> list[Attainment]:
        """By council, service, target and period; only of the one in which `month` lies, where it is given.

        Blocks: call it from a worker thread.
        """
        months = None if month is None else [str(each) for each in period_of(month, over).months]
        counted = by_period(self._read_model.attainment(months=months, council=council, service=service), over)
        agreed = TargetsByPeriod(self._catalogue.agreement_index)
        return [Attainment(row, agreed.target(row, period), over) for row, period in counted]

    def name(self, kind: type[Council | Service], id_: str) -> str:
        """What a council or service is called; its id while it is not known."""
        return self._catalogue.name(kind, id_)

    def months(self) -> list[str]:
        """The months in which anything was decided, ascending. Blocks."""
        return self._read_model.months()

    def newest_month(self) -> Month | None:
        """The newest month that has begun and in which anything was decided: work done early counts in a later one.

        The first of all where none has begun. Blocks.
        """
        months = [Month.parse(month) for month in self.months()]
        begun = [month for month in months if month <= month_of(self._clock.now())]
        return begun[-1] if begun else next(iter(months), None)

    def openslo(self, *, council: str | None = None) -> list[Document]:
        """The newest agreements' targets as OpenSLO documents, of one council where it is named."""
        councils = self._catalogue.agreement_index.councils if council is None else [council]
        return list(documents(each for name in councils for each in self._catalogue.agreements(name)))

    async def everything(self) -> AsyncIterator[ItemAnswer]:
        """Every item of every shard at the present instant, without its announcements."""
        async for page in self._stored.pages():
            for key, blob in page:
                council, _, name = key.partition(":")
                yield self._answer(council, name, load_item(blob), ())

    async def _item(self, council: str, name: str) -> ItemAnswer | None:
        key = f"{council}:{name}"
        for topic in ITEM_TOPICS:
            shard = Shard(topic.name, partition_of(key.encode(), topic.partitions))
            stored = await self._states.items(shard, [key])
            if key in stored:
                said = await asyncio.to_thread(self._read_model.announced, council, name)
                return self._answer(council, name, load_item(stored[key]), said)
        return None

    def _answer(self, council: str, name: str, item: Item, said: Sequence[Announcement]) -> ItemAnswer:
        as_of = int(self._clock.now().timestamp())
        evaluation = self._stored.evaluate(council, name, item, as_of=as_of)
        return ItemAnswer(council, name, as_of, item.facts, evaluation, said)
