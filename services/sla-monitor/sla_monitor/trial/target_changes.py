"""A change of targets during an item, expressed as a change of its priority.

The rules of a change mid-item (R28: the start and the pauses stay, misses by then stay, `on_change`) are written once,
for priorities. So each list of targets has priorities of its own: `2:high` selects what list 2 means for `high`.
A target that the next list has unchanged is one target, selected by the priorities of both.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from shared.contracts.definitions import Target
from shared.instants import SECOND_US
from sla_monitor.domain.clock.timeline import FOREVER
from sla_monitor.domain.facts import AnyFact, Opened, Reprioritised
from sla_monitor.trial.document import TrialDocument, TrialTarget
from sla_monitor.trial.faults import with_default_calendar
from sla_monitor.trial.times import second_of

FIRST_LIST, CHANGED_LIST = "targets", "target-changes-{}"
SOURCE = "/try"


class TargetSelection(Struct, frozen=True):
    """The targets by the list that brought them in, and the facts by which they are selected."""

    targets: dict[str, list[Target]]
    facts: list[AnyFact]


class _ListedTarget(Struct):
    """A target, and the numbers of the successive lists that have it."""

    target: TrialTarget
    lists: list[int]


class _SelectionPeriods(Struct, frozen=True):
    """From when which list and which priority apply. Both ascend by their microsecond; list 0 is the first."""

    lists: list[tuple[int, int]]
    priorities: list[tuple[int, str]]

    def key_at(self, at_us: int) -> str:
        """The priority that selects at an instant."""
        number = [number for since, number in self.lists if since <= at_us][-1]
        priority = [priority for since, priority in self.priorities if since <= at_us][-1]
        return _key(number, priority)


def select_targets(document: TrialDocument, facts: Sequence[AnyFact], zone: ZoneInfo) -> TargetSelection:
    """The document's targets, and `facts` (in order, one of them an opening) with changes of targets among them."""
    opened = next(fact for fact in facts if isinstance(fact, Opened))
    changes = [
        (second_of(each.at, zone) * SECOND_US, number) for number, each in enumerate(document.target_changes, start=1)
    ]
    set_at = [(fact.at_us, fact.priority) for fact in facts if isinstance(fact, Reprioritised)]
    timeline = _SelectionPeriods([(-FOREVER, 0), *sorted(changes)], [(-FOREVER, opened.priority), *set_at])
    names = sorted({opened.priority, *(priority for _, priority in set_at)})
    marks = {at for at, _ in set_at} | {at for at, _ in changes if at > opened.at_us}
    return TargetSelection(
        targets=_targets(document, [number for _, number in timeline.lists], names),
        facts=[
            *(
                msgspec.structs.replace(opened, priority=timeline.key_at(opened.at_us)) if fact is opened else fact
                for fact in facts
                if not isinstance(fact, Reprioritised)
            ),
            *(Reprioritised(at, SOURCE, f"change-{at}", timeline.key_at(at)) for at in marks),
        ],
    )


def _targets(document: TrialDocument, numbers: Sequence[int], priorities: Sequence[str]) -> dict[str, list[Target]]:
    targets: dict[str, list[Target]] = {}
    for listed in _listed(document, numbers):
        name = CHANGED_LIST.format(listed.lists[0]) if listed.lists[0] else FIRST_LIST
        targets.setdefault(name, []).append(_selected(listed, priorities))
    return targets


def _listed(document: TrialDocument, numbers: Sequence[int]) -> list[_ListedTarget]:
    calendars = [calendar.id for calendar in document.all_calendars]
    everything: list[_ListedTarget] = []
    before: list[_ListedTarget] = []
    for number in numbers:
        now = []
        for definition in document.target_lists[number]:
            target = with_default_calendar(definition, calendars)
            listed = next((each for each in before if each.target == target), None) or _ListedTarget(target, [])
            listed.lists.append(number)
            now.append(listed)
        everything += [listed for listed in now if listed not in before]
        before = now
    return everything


def _selected(listed: _ListedTarget, priorities: Sequence[str]) -> Target:
    accepted = listed.target.when.get("priority", tuple(priorities))
    keys = tuple(_key(number, priority) for number in listed.lists for priority in priorities if priority in accepted)
    return msgspec.structs.replace(listed.target, when=listed.target.when | {"priority": keys})


def _key(number: int, priority: str) -> str:
    return f"{number}:{priority}"
