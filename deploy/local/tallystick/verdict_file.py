"""The verdicts of a replay as CSV: one line for each item and target."""

import csv
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, TextIO

from shared.instants import instant
from sla_monitor.domain.clock.verdict import Outcome

if TYPE_CHECKING:
    from sla_monitor.reports.item_report import ItemAnswer

COLUMNS = ("item", "council", "service", "target", "verdict", "due_at", "stopped_at", "elapsed_s", "margin_s")
_VERDICT = COLUMNS.index("verdict")
Line = tuple[str | int | None, ...]


async def tally_verdicts(answers: "AsyncIterator[ItemAnswer]", *, source: str, text: TextIO | None) -> Counter[str]:
    """How many verdicts of each kind the items of `source` have; each becomes a line of `text` where it is given.

    An item without any target is one line with an empty target. Times are UTC; seconds are the clock's own.
    """
    writer = None if text is None else csv.writer(text)
    tally: Counter[str] = Counter()
    if writer is not None:
        writer.writerow(COLUMNS)
    async for answer in answers:
        if any(fact.source == source for fact in answer.facts):
            lines = list(_lines(answer))
            tally.update(str(line[_VERDICT]) for line in lines)
            if writer is not None:
                writer.writerows(lines)
    return tally


def _lines(answer: "ItemAnswer") -> Iterator[Line]:
    opened = answer.evaluation.opened
    service = "" if opened is None else opened.service
    if not answer.evaluation.verdicts:
        yield answer.item, answer.council, service, "", Outcome.OUT_OF_SCOPE.value, None, None, None, None
    for verdict in answer.evaluation.verdicts:
        yield (
            answer.item,
            answer.council,
            service,
            verdict.target.id,
            verdict.outcome.value,
            _instant(verdict.due),
            _instant(verdict.cycle.raw_stop),
            verdict.elapsed_s,
            verdict.margin_s,
        )


def _instant(at_s: int | None) -> str | None:
    return None if at_s is None else f"{instant(at_s):%Y-%m-%dT%H:%M:%SZ}"
