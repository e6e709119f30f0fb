"""The verdicts on the items of one replay: counted, and as CSV with one line for each item, target and cycle."""

import csv
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple, TextIO

from shared.contracts.envelope import item_key
from shared.instants import instant
from shared.units import CouncilId, ItemId
from sla_monitor.domain.clock.verdict import Outcome
from tallystick.replay.rows import ItemName
from tallystick.replay.scratch import Scratch, Sorted

if TYPE_CHECKING:
    from sla_monitor.reports.item_report import ItemAnswer
    from tallystick.stack import Stack

COLUMNS = (
    "item",
    "council",
    "stream",
    "service",
    "agreement",
    "target",
    "cycle",
    "verdict",
    "due_at",
    "stopped_at",
    "elapsed_s",
    "margin_s",
    "refused_rows",
    "note",
)
NOT_KNOWN, FAILED = "not-known", "failed"
_FAILED = "Tallystick failed to judge it: `tallystick quarantine list` says why"
_QUARANTINED = "an event of it is in quarantine: what was sent before holds"
_VERDICT = COLUMNS.index("verdict")
_SHOWN_EVERY = 500  # items
_NO_TARGET, _NO_FIGURES = ("", "", None), (None, None, None, None)
Line = tuple[str | int | None, ...]


class Unknown(NamedTuple):
    """What the catalogue lacks: a council, its agreement, a calendar of its agreement, or a service."""

    kind: str
    name: str

    @property
    def effect(self) -> str:
        """What becomes of events without it."""
        return "judged by no target, billed to nobody" if self.kind == "service" else "parked"

    def __str__(self) -> str:
        return f"council {self.name!r} has no {self.kind}" if self.kind in _OF_COUNCIL else f"{self.kind} {self.name!r}"


_OF_COUNCIL = frozenset({"agreement", "calendar"})


@dataclass(frozen=True, slots=True)
class CatalogueNames:
    """What the catalogue has: councils, those of them with an agreement, and services."""

    councils: Collection[str]
    agreed: Collection[str]
    services: Collection[str]

    def missing(self, council: str, service: str, *, waiting: bool) -> Unknown | None:
        """Why nothing is judged of an item, if the catalogue is why."""
        if not waiting:
            return None if not service or service in self.services else Unknown("service", service)
        if council not in self.councils:
            return Unknown("council", council)
        return Unknown("calendar" if council in self.agreed else "agreement", council)


async def catalogue_names(stack: "Stack") -> CatalogueNames:
    """What the catalogue of the folder has."""
    agreed = stack.monitor.sources.catalogue.agreement_index.councils
    return CatalogueNames(await stack.defined("council"), agreed, await stack.defined("service"))


def unknown_readings(readings: Mapping[tuple[str, str], int], names: CatalogueNames) -> Counter[Unknown]:
    """How many readings are billed to nobody for want of something, of those by council and service."""
    found: Counter[Unknown] = Counter()
    for (council, service), count in readings.items():
        missing = names.missing(council, service, waiting=council not in names.agreed)
        if missing is not None:
            found[missing] += count
    return found


@dataclass(slots=True)
class Tally:
    """The verdicts of a replay's items by kind; the items of which nothing is known, by what is missing.

    `doubtful` are the items that lack a row, with its line: their verdicts may be wrong. `without_effect` counts events
    that were applied and changed nothing, by the reason; `examples` has an item for each.
    """

    verdicts: Counter[str] = field(default_factory=Counter)
    unknown: Counter[Unknown] = field(default_factory=Counter)
    doubtful: dict[str, list[int]] = field(default_factory=dict)
    without_effect: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def note_without_effect(self, answer: "ItemAnswer") -> None:
        """The item's events that changed nothing are counted by the reason."""
        timeline = answer.evaluation.timeline
        for why in () if timeline is None else timeline.without_effect:
            self.without_effect[why] += 1
            example = f"{answer.item} --council {answer.council}"
            self.examples[why] = min(example, self.examples.get(why, example))

    def lines(self) -> Iterator[str]:
        """The count as people read it."""
        yield from (f"  {verdict}: {count:,}" for verdict, count in sorted(self.verdicts.items()))
        for why, count in sorted(self.without_effect.items()):
            yield f"  without effect: {why}: {count:,}: for example `tallystick explain {self.examples[why]}`"


@dataclass(frozen=True, slots=True)
class ReplayedItems:
    """The items of one file: the keys under which its events were sent, from which source, and its refused rows.

    `quarantined` are the keys of those with an event in quarantine, `failed` those that Tallystick failed to judge.
    """

    source: str
    keys: Collection[str]
    refused_lines: Mapping[ItemName, Sequence[int]]
    quarantined: Collection[str]
    failed: Collection[str]

    def has(self, answer: "ItemAnswer") -> bool:
        """Whether the item is one of them."""
        return _key(answer) in self.keys and any(fact.source == self.source for fact in answer.facts)

    def lacks_an_event(self, answer: "ItemAnswer") -> bool:
        """Whether an event of it is in quarantine."""
        return _key(answer) in self.quarantined

    def refused(self, answer: "ItemAnswer") -> list[int]:
        """The lines of refused rows that name the item. A row that does not say its council may mean any item."""
        of_item, of_any = ((council, answer.item) for council in (answer.council, ""))
        return sorted([*self.refused_lines.get(of_item, ()), *self.refused_lines.get(of_any, ())])


async def tally_verdicts(
    answers: "AsyncIterator[ItemAnswer]",
    items: ReplayedItems,
    names: CatalogueNames,
    *,
    scratch: Scratch,
    text: TextIO | None,
    moved: Callable[[int], None] = lambda _: None,
) -> Tally:
    """What is known of the `items`; each verdict becomes a line of `text` where it is given.

    Lines are in order of council, stream and item, wherever the items are stored. An item without any target is one
    line with an empty target. Times are UTC; seconds are the clock's own. `moved` gets how many items are done.
    """
    tally, done = Tally(), 0
    written = Sorted(scratch, tuple[str, str, str, str], key=lambda line: line)
    async for answer in answers:
        if items.has(answer):
            lines = list(_lines(answer, items, names, tally))
            tally.verdicts.update(str(line[_VERDICT]) for line in lines)
            if text is not None:
                written.add([(answer.council, answer.stream, answer.item, _csv(lines))])
            done += 1
            if done % _SHOWN_EVERY == 0:
                moved(done)
    if text is not None:
        text.write(_csv([COLUMNS]))
        text.writelines(rows for _, _, _, rows in written)
    return tally


def _csv(lines: Iterable[Line]) -> str:
    rows = StringIO(newline="")
    csv.writer(rows).writerows(lines)
    return rows.getvalue()


def _lines(answer: "ItemAnswer", items: ReplayedItems, names: CatalogueNames, tally: Tally) -> Iterator[Line]:
    opened = answer.evaluation.opened
    service = "" if opened is None else opened.service
    missing = names.missing(answer.council, service, waiting=answer.evaluation.waiting)
    if missing is not None:
        tally.unknown[missing] += 1
    if refused := items.refused(answer):
        tally.doubtful[f"{answer.item} of {answer.council}"] = refused
    about = answer.item, answer.council, answer.stream, service
    rows = " ".join(map(str, refused))
    notes = [] if missing is None else [f"not known: {missing}"]
    notes += [_QUARANTINED] if items.lacks_an_event(answer) else []
    note = "; ".join(notes)
    if _key(answer) in items.failed:
        yield *about, *_NO_TARGET, FAILED, *_NO_FIGURES, rows, _FAILED
        return
    tally.note_without_effect(answer)
    if not answer.evaluation.verdicts:
        outcome = Outcome.OUT_OF_SCOPE.value if missing is None else NOT_KNOWN
        yield *about, *_NO_TARGET, outcome, *_NO_FIGURES, rows, note
    for verdict in answer.evaluation.verdicts:
        yield (
            *about,
            verdict.target.agreement,
            verdict.target.id,
            verdict.cycle.number,
            verdict.outcome.value,
            _instant(verdict.due),
            _instant(verdict.cycle.raw_stop),
            verdict.elapsed_s,
            verdict.margin_s,
            rows,
            note,
        )


def _key(answer: "ItemAnswer") -> str:
    return item_key(CouncilId(answer.council), ItemId(answer.item))


def _instant(at_s: int | None) -> str | None:
    return None if at_s is None else f"{instant(at_s):%Y-%m-%dT%H:%M:%SZ}"
