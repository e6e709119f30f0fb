"""What an export changed beyond facts: verdicts that are others now, and statements that come to another sum."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from shared.contracts.envelope import item_key, split_item_key
from shared.money import format_gbp
from shared.scope import Scope
from shared.units import CouncilId, ItemId
from shared.web.formats import counted

if TYPE_CHECKING:
    from tallystick.stack import Stack

# Items whose verdicts are compared; of more, which is another system's export, only their number is shown.
MAX_COMPARED = 200_000
_NO_VERDICT = "none"
_SHOWN = 10
_Verdicts = Mapping[tuple[str, str, str, int], str]
_Totals = Mapping[tuple[str, str], int | None]


class OutcomeChange(NamedTuple):
    """The verdicts on a target that were one thing and are another, and an item with one."""

    target: str
    before: str
    after: str
    items: int
    example: str


class StatementChange(NamedTuple):
    """A council's month that came to one sum and comes to another, in pence; None without a statement.

    Where its statement is `issued`, that stays as it is, and a later document has the difference.
    """

    council: str
    month: str
    before_pence: int | None
    after_pence: int | None
    issued: bool = False

    @property
    def change_pence(self) -> int:
        """How much more the month comes to; without a statement that is nothing."""
        return (self.after_pence or 0) - (self.before_pence or 0)

    def __str__(self) -> str:
        sums = f"{self.council} {self.month}: {_total(self.before_pence)} → {_total(self.after_pence)}"
        if not self.issued:
            return sums
        return f"{sums}: issued, and stays as it is: a later document corrects it by {_signed(self.change_pence)}"


@dataclass(frozen=True, slots=True)
class Effects:
    """What became of verdicts and statements; `uncounted` items were too many to be compared.

    `adjusted` counts the verdicts of frozen months that changed, by the month in which that is shown.
    """

    verdicts: Sequence[OutcomeChange] = ()
    statements: Sequence[StatementChange] = ()
    uncounted: int = 0
    adjusted: Mapping[str, int] = field(default_factory=dict)

    @property
    def pence(self) -> int:
        """By how much all statements changed together."""
        return sum(each.change_pence for each in self.statements)

    def lines(self) -> Iterator[str]:
        """The same for people."""
        for each in self.verdicts:
            example = f", for example {each.example}" if each.example else ""
            yield f"  verdicts on {each.target}: {each.before} → {each.after}: {each.items:,}{example}"
        for month, count in sorted(self.adjusted.items()):
            yield f"  {counted(count, 'verdict')} of a frozen month: shown as adjustments of {month}"
        for change in islice(self.statements, _SHOWN):
            yield f"  {change}"
        if len(self.statements) > _SHOWN:
            yield f"  … and {len(self.statements) - _SHOWN:,} statements more"
        if self.statements:
            yield f"  recharges: {_signed(self.pence)}"
        if self.uncounted:
            yield f"  {counted(self.uncounted, 'item')} changed: too many for their verdicts to be compared"
        if not (self.verdicts or self.statements or self.uncounted):
            yield "  no verdict and no pound changed"


@dataclass(frozen=True, slots=True)
class Before:
    """Verdicts and statements as they were, of the items and councils that an export changes."""

    keys: Set[str]
    verdicts: _Verdicts
    totals: _Totals
    uncounted: int = 0
    adjustments: Mapping[str, str] = field(default_factory=dict)


async def before(stack: "Stack", keys: Iterable[str]) -> Before:
    """What holds now of the items under `keys`, and of the councils that they belong to."""
    found = frozenset(keys)
    await stack.monitor.catch_up()
    compared = found if len(found) <= MAX_COMPARED else frozenset[str]()
    verdicts = await _verdicts(stack, compared)
    councils = _councils(found)
    adjustments = await _adjustments(stack, councils)
    return Before(compared, verdicts, await _totals(stack, councils), len(found) - len(compared), adjustments)


async def effects_since(stack: "Stack", then: Before, councils: Iterable[str]) -> Effects:
    """How what holds now differs from `then`; statements are those of the `councils`."""
    concerned = frozenset(councils)
    verdicts = list(_verdict_changes(then.verdicts, await _verdicts(stack, then.keys)))
    totals, issued = await _totals(stack, concerned), await _issued(stack, concerned)
    places = sorted({*then.totals, *totals})
    statements = [StatementChange(*each, then.totals.get(each), totals.get(each), each in issued) for each in places]
    changed = [each for each in statements if each.before_pence != each.after_pence]
    adjustments = await _adjustments(stack, concerned)
    adjusted = Counter(month for id_, month in adjustments.items() if id_ not in then.adjustments)
    return Effects(verdicts, changed, then.uncounted, adjusted)


async def _verdicts(stack: "Stack", keys: Set[str]) -> _Verdicts:
    """The outcome of each target and cycle of the items under `keys`."""
    from sla_monitor.reports.items import every_item

    found: dict[tuple[str, str, str, int], str] = {}
    if not keys:
        return found
    async for answer in every_item(stack.monitor.sources, Scope.all()):
        key = item_key(CouncilId(answer.council), ItemId(answer.item))
        if key in keys:
            for verdict in answer.evaluation.verdicts:
                place = key, answer.stream, verdict.target.id, verdict.cycle.number
                found[place] = verdict.outcome.value
    return found


def _councils(keys: Iterable[str]) -> frozenset[str]:
    return frozenset(split_item_key(key)[0] for key in keys)


async def _totals(stack: "Stack", councils: Set[str]) -> _Totals:
    found = await asyncio.to_thread(stack.billing.dry_run.statement_totals, councils)
    return {(council, str(month)): total for (council, month), total in found.items()}


async def _issued(stack: "Stack", councils: Set[str]) -> set[tuple[str, str]]:
    found = await asyncio.to_thread(stack.billing.dry_run.issued_months, councils)
    return {(council, str(month)) for council, month in found}


async def _adjustments(stack: "Stack", councils: Set[str]) -> Mapping[str, str]:
    """The month in which each correction of a frozen month is shown, by its id."""
    read = stack.monitor.sources.read_model.adjustments
    found = await asyncio.to_thread(read, Scope.of(*councils), posted=None)
    return {each.id: each.posted for each in found}


def _verdict_changes(then: _Verdicts, now: _Verdicts) -> Iterator[OutcomeChange]:
    changes: Counter[tuple[str, str, str]] = Counter()
    examples: dict[tuple[str, str, str], str] = {}
    for place in sorted({*then, *now}):
        key, _, target, _ = place
        was, is_ = then.get(place, _NO_VERDICT), now.get(place, _NO_VERDICT)
        if was != is_:
            council, item = split_item_key(key)
            changes[target, was, is_] += 1
            examples.setdefault((target, was, is_), f"{item} of {council}")
    for change, count in sorted(changes.items()):
        yield OutcomeChange(*change, count, examples[change])


def _total(pence: int | None) -> str:
    return "no statement" if pence is None else format_gbp(pence)


def _signed(pence: int) -> str:
    return f"{'+' if pence > 0 else '−' if pence else ''}{format_gbp(abs(pence))}"
