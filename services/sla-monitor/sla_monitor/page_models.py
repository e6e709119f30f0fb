"""What the monitor's pages show: the API's answers, with names in place of ids, and their charts."""

from dataclasses import dataclass

from markupsafe import Markup

from shared.period import Month
from sla_monitor.reports.attainment import AttainmentResult
from sla_monitor.reports.item_report import ItemReport, VerdictReport
from sla_monitor.reports.item_text import verdict_chart


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A council's month against one target; `target` in words: `Resolution time: within 8 working hours`.

    `always_allowed` is the number of misses that the agreement always allows, where only that made the month met.
    """

    service: str
    target: str
    result: AttainmentResult
    always_allowed: int | None = None


@dataclass(frozen=True, slots=True)
class CouncilAttainment:
    """One council's rows, in the order in which they are shown."""

    id: str
    name: str
    rows: tuple[TargetRow, ...]

    @property
    def judged(self) -> int:
        """How many targets were met or missed, the rest having too little volume or no objective."""
        return sum(row.result.judgement in ("met", "missed") for row in self.rows)

    @property
    def met(self) -> int:
        """How many targets were met."""
        return sum(row.result.judgement == "met" for row in self.rows)


@dataclass(frozen=True, slots=True)
class AttainmentPage:
    """`attainment.html`: one month, all councils that the reader may see. `months` are those to choose from."""

    month: Month
    months: tuple[Month, ...]
    councils: tuple[CouncilAttainment, ...]
    illustrative: bool


@dataclass(frozen=True, slots=True)
class VerdictPart:
    """One verdict with its timeline. `number` counts from 1 on the page; `target` as in `TargetRow`."""

    number: int
    target: str
    verdict: VerdictReport

    @property
    def chart(self) -> Markup | None:
        """The item's clock under this target, or None where it never ran."""
        return verdict_chart(self.verdict, number=self.number)


@dataclass(frozen=True, slots=True)
class ItemPage:
    """`item.html`: one item, every verdict about it and every message that was announced."""

    item: ItemReport
    council: str
    service: str | None
    verdicts: tuple[VerdictPart, ...]
    illustrative: bool
