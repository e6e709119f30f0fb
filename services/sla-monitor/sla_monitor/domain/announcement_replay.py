"""What was announced about items, read back from the announcements: where live state was lost, it is taken from there.

An item judged anew against what was read back announces the difference, and so nothing where nothing is missing.
"""

from collections.abc import Collection, Mapping
from enum import IntEnum

from shared.contracts.verdicts import VerdictData, VerdictEvent, VerdictRetracted, WarningReached
from sla_monitor.domain.announcements import Trigger, announce, compared_fields
from sla_monitor.domain.clock.verdict import Evaluation, Verdict
from sla_monitor.domain.item import LastPublished


class AnnouncementReplay:
    """Grows with announcements in the order of the log. One that comes twice, as announcements may, counts once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        # By item and service: a ticket and a work item of one council may share an id.
        self._told: dict[tuple[str, str], dict[str, LastPublished]] = {}

    def take(self, event: VerdictEvent) -> None:
        """The announcement counts."""
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        told = self._told.setdefault((event.key, event.data.service), {})
        name = f"{event.data.target}/{event.data.cycle}"
        told[name] = _after(told.get(name, LastPublished()), event)

    @property
    def keys(self) -> list[str]:
        """The items of which anything was told, as `council:item`."""
        return list(dict.fromkeys(key for key, _ in self._told))

    def republished(self) -> dict[str, set[str]]:
        """Of which `target/cycle` of an item more than one verdict was told so far."""
        found: dict[str, set[str]] = {}
        for (key, _), told in self._told.items():
            found.setdefault(key, set()).update(name for name, word in told.items() if word.revision > 1)
        return found

    def announced(self, key: str, service: str) -> dict[str, LastPublished]:
        """What an item of `service` has announced, by `target/cycle`."""
        return self._told.get((key, service), {})


def reconcile(
    remembered: Mapping[str, LastPublished], heard: Mapping[str, LastPublished], *, unreconciled: Collection[str]
) -> dict[str, LastPublished] | None:
    """What an item has announced, where readers heard something else than it remembers; None where they did not.

    Every word that was heard counts again: the next one then has an id that was never given. So it is with the
    `unreconciled`, too, of which more was heard than is remembered, perhaps, although it led back to where the item is.
    """
    pairs = {name: (remembered.get(name, _NOTHING), word) for name, word in heard.items() if word.revision}
    other = {
        name: LastPublished(word.said, own.revision + word.revision, tuple(sorted({*own.warned, *word.warned})))
        for name, (own, word) in pairs.items()
        if name in unreconciled or _differ(own, word)
    }
    return {**remembered, **other} if other else None


_NOTHING = LastPublished()


def _differ(own: LastPublished, word: LastPublished) -> bool:
    if own.said is None or word.said is None:
        return own.said is not word.said
    return compared_fields(own.said) != compared_fields(word.said)


def _after(was: LastPublished, event: VerdictEvent) -> LastPublished:
    match event:
        case WarningReached(data=data):
            return LastPublished(was.said, was.revision, tuple(sorted({*was.warned, data.percent})))
        case VerdictRetracted():
            return LastPublished(None, was.revision + 1, was.warned)
        case _:
            return LastPublished(_said(event.data), was.revision + 1, was.warned)


def _said(data: VerdictData) -> VerdictData:
    """What holds by it, without what a correction says of before."""
    if type(data) is VerdictData:
        return data
    return VerdictData(**{name: getattr(data, name) for name in VerdictData.__struct_fields__})


class MatchQuality(IntEnum):
    """How well an evaluation fits what was announced."""

    DIFFERENT = 0  # it would announce something, or could not judge at all
    OTHER_RULES = (
        1  # it would announce something, though by the versions that were named: a rule is another, or a word lost
    )
    OTHER_VERSIONS = 2  # it would not, but other versions of agreement or calendar were named
    IDENTICAL = 3  # it says what was said, by the same versions


def match_quality(told: Mapping[str, LastPublished], evaluation: Evaluation, trigger: Trigger) -> MatchQuality:
    """How well `evaluation` fits what was `told` of the item."""
    events, _ = announce(dict(told), evaluation, trigger)
    if evaluation.waiting:
        return MatchQuality.DIFFERENT
    same = all(_same_versions(told, verdict) for verdict in evaluation.verdicts)
    if events:
        return MatchQuality.OTHER_RULES if same and evaluation.verdicts else MatchQuality.DIFFERENT
    return MatchQuality.IDENTICAL if same else MatchQuality.OTHER_VERSIONS


def _same_versions(told: Mapping[str, LastPublished], verdict: Verdict) -> bool:
    bound_target = verdict.bound_target
    was = told.get(f"{bound_target.target.id}/{verdict.cycle.number}")
    if was is None or was.said is None:
        return True
    calendar = None if bound_target.calendar is None else bound_target.calendar.version
    return (was.said.agreement_version, was.said.calendar_version) == (bound_target.agreement_version, calendar)
