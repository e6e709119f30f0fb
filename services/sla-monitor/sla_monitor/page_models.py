"""What the monitor's pages show: the API's answers, with names in place of ids, and their charts."""

from dataclasses import dataclass

from markupsafe import Markup

from shared.period import Month
from shared.web.charts.svg import Caption
from shared.web.charts.timeline import Marker, TimelineSegment, timeline_chart
from shared.web.formats import long_date
from shared.web.strings import text
from sla_monitor.schemas import AttainmentResult, ItemReport, VerdictReport


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
        if not self.verdict.trace:
            return None
        verdict, target = self.verdict, self.target
        day = long_date(verdict.started_at)
        description = text("item.chart_description", day=day, count=len(verdict.trace))
        return timeline_chart(
            Caption(f"clock-{self.number}", text("item.chart_title", target=target), description),
            [TimelineSegment(part.start_at, part.end_at, part.kind, part.reason) for part in verdict.trace],
            due=Marker(text("item.due"), verdict.due_at) if verdict.due_at else None,
            stop=Marker(text("item.stopped"), verdict.stopped_at) if verdict.stopped_at else None,
        )


@dataclass(frozen=True, slots=True)
class ItemPage:
    """`item.html`: one item, every verdict about it and every message that was announced."""

    item: ItemReport
    council: str
    service: str | None
    verdicts: tuple[VerdictPart, ...]
    illustrative: bool
