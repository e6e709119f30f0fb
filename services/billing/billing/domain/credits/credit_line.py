"""A line of service credits: what one target's month earns for one service, and by how much limits reduce it."""

from dataclasses import dataclass, replace
from typing import Literal

from billing.domain.coding import LineCoding
from billing.domain.credits.attainment import Shortfall, TargetAttainment
from billing.domain.rules import RULES_VERSION
from billing.domain.vat import LineVat
from shared.contracts.credits import Credit, ServicePoints
from shared.contracts.definitions import Objective
from shared.contracts.objectives import Judgement

# How much more a failure credits that is repeated.
REPEATED_TIMES = 2
# cause: another target of the same cause earns more · charge: no service is credited with more than its charge
Limit = Literal["cause", "charge", "service-month", "council-month", "agreement-year"]


@dataclass(frozen=True, slots=True)
class Reduction:
    """Pence by which a limit reduces a credit."""

    limit: Limit
    pence: int


@dataclass(frozen=True, slots=True)
class CreditLine:
    """`band` is what the shortfall earned (None: nothing), `earned_pence` what that comes to before any limit.

    `ref` is the same whenever the line is computed again. A repeated failure has earned twice its band. `point_gbp` is
    what a point is worth, "0" where none are used. Reductions are in the order in which limits apply. A target that
    earns nothing has a line too: councils look for it. `vat` and `coding` are those of the charge it reduces.
    """

    ref: str
    agreement: str
    target: str
    service: str
    cause: str | None
    objective: Objective
    attained: TargetAttainment
    judgement: Judgement
    shortfall: Shortfall | None
    charge_pence: int
    band: Credit | None
    point_gbp: str
    earned_pence: int
    is_repeated: bool = False
    reductions: tuple[Reduction, ...] = ()
    vat: LineVat | None = None
    coding: LineCoding | None = None
    rules_version: int = RULES_VERSION

    @property
    def points(self) -> int:
        """Its service points, before any cap; none where another target of its cause is credited."""
        by_cause = any(reduction.limit == "cause" for reduction in self.reductions)
        if by_cause or not isinstance(self.band, ServicePoints):
            return 0
        return self.band.points * (REPEATED_TIMES if self.is_repeated else 1)

    @property
    def forgone_pence(self) -> int:
        """By how much limits reduce it."""
        return sum(reduction.pence for reduction in self.reductions)

    @property
    def applied_pence(self) -> int:
        """What the council is credited with; never below 0."""
        return self.earned_pence - self.forgone_pence

    def reduced(self, limit: Limit, pence: int) -> "CreditLine":
        """The line with a reduction of `pence`; the line as it is for 0 pence."""
        return replace(self, reductions=(*self.reductions, Reduction(limit, pence))) if pence else self
