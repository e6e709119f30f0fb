"""What a draft target, calendar or agreement would have made of past items: nothing is stored or published.

A draft replaces every version of its id, from its `effective_from` on (by default always); a draft target replaces its
id in every agreement, or in the one that is named. All else is as the item was evaluated: by the catalogue that it
keeps, with its exclusions. So the differences are the draft's alone.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from shared.contracts.definitions import Agreement, Calendar, Target
from shared.contracts.scalars import Id, Stream
from shared.contracts.target_rules import target_faults
from shared.contracts.verdicts import VerdictKey
from shared.faults import Fault, Path
from sla_monitor.domain.announcements import counted_month
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.item import Item
from sla_monitor.domain.versions import KnownVersion

# Known from the first position on, so that an item of any time is evaluated by it.
_ALWAYS = 0
_DRAFT = 0


class Draft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The definitions to try; `council` narrows draft targets, and the items compared, to one council.

    `agreement` narrows draft targets to one agreement: others of the council may have targets of the same ids.
    """

    targets: tuple[Target, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    council: Id | None = None
    agreement: Id | None = None

    def narrows_to(self, agreement: Agreement) -> bool:
        """Whether its targets replace those of the agreement."""
        return self.council in (None, agreement.council) and self.agreement in (None, agreement.id)


class ChangedVerdict(Struct, frozen=True):
    """A verdict that would change; None where there would be, or was, none in the period."""

    council: str
    agreement: str
    target: str
    stream: Stream
    item: str
    cycle: int
    was: str | None
    now: str | None


@dataclass(slots=True)
class DraftAttainment:
    """Good of total as published and under the draft."""

    good: int = 0
    total: int = 0
    draft_good: int = 0
    draft_total: int = 0


@dataclass(slots=True)
class WhatIfFindings:
    """What the draft would change, by council, agreement and target, in the items that `compare_item` was given."""

    first_month: str
    last_month: str
    as_of: int
    tallies: dict[tuple[str, str, str], DraftAttainment] = field(default_factory=dict)
    changed: list[ChangedVerdict] = field(default_factory=list)
    items: int = 0
    failed_items: int = 0

    def covers(self, month: str) -> bool:
        """Whether verdicts that count in the month are compared."""
        return self.first_month <= month <= self.last_month


def with_draft(known: Iterable[KnownVersion], draft: Draft) -> Iterator[KnownVersion]:
    """`known` with the draft in its place."""
    drafts: tuple[Agreement | Calendar, ...] = (*draft.agreements, *draft.calendars)
    replaced = {(type(each), each.id) for each in drafts}
    for each in known:
        if (type(each.definition), each.definition.id) not in replaced:
            yield _with_targets(each, draft)
    yield from (_with_targets(KnownVersion(_ALWAYS, _DRAFT, each), draft) for each in drafts)


def draft_faults(draft: Draft, known: Sequence[KnownVersion]) -> Iterator[Fault]:
    """All that keeps the draft from being tried beside `known`."""
    agreements = [each.definition for each in known if isinstance(each.definition, Agreement)]
    promised = {target.id for each in agreements for target in each.targets if draft.narrows_to(each)}
    known_calendars = {each.definition.id for each in known if isinstance(each.definition, Calendar)}
    calendars = known_calendars | {each.id for each in draft.calendars}
    for index, target in enumerate(draft.targets):
        at: Path = ("targets", index)
        if target.id not in promised:
            yield Fault((*at, "id"), "is no target of an agreement: try a draft agreement that has it")
        yield from _target_faults(target, at, calendars)
    for index, agreement in enumerate(draft.agreements):
        for number, target in enumerate(agreement.targets):
            yield from _target_faults(target, ("agreements", index, "targets", number), calendars)
    if draft.agreement is not None and not draft.targets:
        yield Fault(("agreement",), "has an effect only on targets of the draft: give some")
    if not (draft.targets or draft.calendars or draft.agreements):
        yield Fault((), "drafts nothing: give targets, calendars or agreements")


def _target_faults(target: Target, at: Path, calendars: Set[str]) -> Iterator[Fault]:
    yield from (fault.below(*at) for fault in target_faults(target))
    if target.calendar is not None and target.calendar not in calendars:
        yield Fault((*at, "calendar"), "is no calendar that is known or drafted")


def compare_item(findings: WhatIfFindings, item: Item, drafted: Evaluation, *, council: str, name: str) -> None:
    """The item is in the findings: what was published of it beside its evaluation with the draft."""
    findings.items += 1
    last = {key: each.verdict for key, each in item.announced.items() if each.verdict is not None}
    was = {key: verdict.outcome for key, verdict in last.items() if findings.covers(verdict.month)}
    decided = (verdict for verdict in drafted.verdicts if verdict.decided)
    now = {verdict.name: verdict.outcome.value for verdict in decided if findings.covers(counted_month(verdict))}
    for key in sorted(was.keys() | now.keys()):
        agreement, target, cycle = key.split("/")
        verdict = VerdictKey(council, agreement, target, drafted.stream, name, int(cycle))
        _count(findings, verdict, was=was.get(key), now=now.get(key))


def _count(findings: WhatIfFindings, key: VerdictKey, *, was: str | None, now: str | None) -> None:
    tally = findings.tallies.setdefault((key.council, key.agreement, key.target), DraftAttainment())
    tally.good += was == "met"
    tally.total += was is not None
    tally.draft_good += now == "met"
    tally.draft_total += now is not None
    if was != now:
        findings.changed.append(ChangedVerdict(*key, was, now))


def _with_targets(known: KnownVersion, draft: Draft) -> KnownVersion:
    agreement = known.definition
    if not isinstance(agreement, Agreement) or not draft.narrows_to(agreement):
        return known
    drafts = {target.id: target for target in draft.targets}
    targets = tuple(drafts.get(target.id, target) for target in agreement.targets)
    return msgspec.structs.replace(known, definition=msgspec.structs.replace(agreement, targets=targets))
