"""What items are evaluated by, and up to which instant."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.state.port import Head
from sla_monitor.ports import Catalogue, DecisionsLog


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """The catalogue and the decisions as now known, and the wall clock: `margin_s` before it, time may be judged."""

    catalogue: Catalogue
    decisions: DecisionsLog
    clock: Clock
    margin_s: int

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return int(self.clock.now().timestamp() * 1000)

    @property
    def judged_to_ms(self) -> int:
        """Up to where a shard that has read everything may be judged by the wall clock alone."""
        return self.now_ms - self.margin_s * 1000

    def is_outdated(self, head: Head) -> bool:
        """Whether the shard was judged without something that the catalogue or the decisions now say."""
        return head.catalogue_position < self.catalogue.position or head.decisions_position < self.decisions.position

    def first_head(self, offset: int, *, revision: int = 0, published_through: int = 0) -> Head:
        """The head of a shard that is read from `offset` on, with nothing to judge again."""
        return Head(
            revision=revision,
            first_offset=offset,
            next_offset=offset,
            catalogue_position=self.catalogue.position,
            decisions_position=self.decisions.position,
            published_through=published_through,
        )
