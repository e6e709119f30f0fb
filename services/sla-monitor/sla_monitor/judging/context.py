"""What items are judged by: the catalogue and people's decisions as now known, and the wall clock."""

from dataclasses import dataclass

from shared.clock import Clock
from shared.instants import epoch_ms
from shared.log.failures import PRODUCT_VERSION
from shared.state.port import Head, Marked
from shared.units import Offset
from sla_monitor.ports import Catalogue, DecisionsLog


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """The catalogue and the decisions as now known, and the wall clock: `margin_s` before it, time may be judged.

    `version` is that of the release which judges.
    """

    catalogue: Catalogue
    decisions: DecisionsLog
    clock: Clock
    margin_s: int
    version: str = PRODUCT_VERSION

    @property
    def now_ms(self) -> int:
        """The wall clock."""
        return epoch_ms(self.clock.now())

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
            first_offset=Offset(offset),
            next_offset=Offset(offset),
            catalogue_position=Offset(self.catalogue.position),
            decisions_position=Offset(self.decisions.position),
            published_through=Offset(published_through),
            marked=Marked(since=Offset(published_through)),
        )
