"""What the monitor's pages show: the API's answers, with names in place of ids, and their charts."""

from dataclasses import dataclass
from decimal import Decimal

from markupsafe import Markup

from shared.period import Month
from shared.web.charts.attainment import Share, attainment_chart
from shared.web.charts.frame import Caption
from shared.web.charts.timeline import Marker, TimelineSegment, timeline_chart
from shared.web.formats import long_date
from sla_monitor.schemas import AttainmentResult, ItemReport, VerdictReport


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A council's month against one target; `promise` in words: `Resolution time: within 8 working hours`.

    `always_allowed` is the number of misses that the agreement always allows, where nothing else made the month good.
    """

    service: str
    promise: str
    figures: AttainmentResult
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
        return sum(row.figures.judgement in ("met", "missed") for row in self.rows)

    @property
    def met(self) -> int:
        """How many targets were met."""
        return sum(row.figures.judgement == "met" for row in self.rows)


@dataclass(frozen=True, slots=True)
class Trend:
    """One target of one council month by month. `name` is an HTML id, unique on the page; `objective` is 0 to 100."""

    name: str
    title: str
    shares: tuple[Share, ...]
    objective: Decimal

    @property
    def chart(self) -> Markup:
        """The line; the same figures are in the table below it."""
        return attainment_chart(
            Caption(self.name, self.title, f"Monthly attainment against an objective of {self.objective}%."),
            self.shares,
            objective=self.objective,
        )


@dataclass(frozen=True, slots=True)
class AttainmentPage:
    """`attainment.html`: one month, all councils that the reader may see. `months` are those to choose from."""

    month: Month
    months: tuple[Month, ...]
    councils: tuple[CouncilAttainment, ...]
    illustrative: bool
    trends: tuple[Trend, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictPart:
    """One verdict with its timeline. `number` counts from 1 on the page; `promise` as in `TargetRow`."""

    number: int
    promise: str
    verdict: VerdictReport

    @property
    def chart(self) -> Markup | None:
        """The item's clock under this target, or None where it never ran."""
        if not self.verdict.trace:
            return None
        return timeline_chart(
            Caption(f"clock-{self.number}", f"Clock for {self.promise}", self._described()),
            [TimelineSegment(part.start_at, part.end_at, part.kind, part.reason) for part in self.verdict.trace],
            due=Marker("Due", self.verdict.due_at) if self.verdict.due_at else None,
            stop=Marker("Stopped", self.verdict.stopped_at) if self.verdict.stopped_at else None,
        )

    def _described(self) -> str:
        began = long_date(self.verdict.started_at)
        return f"From {began}, in {len(self.verdict.trace)} stretches; the table below has each with its reason."


@dataclass(frozen=True, slots=True)
class ItemPage:
    """`item.html`: one item, every verdict about it and every message that was announced."""

    item: ItemReport
    council: str
    service: str | None
    verdicts: tuple[VerdictPart, ...]
    illustrative: bool
