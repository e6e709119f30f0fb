"""What was published about items, replayed from the log of announcements: where live state was lost, it is restored so.

An item evaluated again against its replay announces the difference, and so nothing where nothing is missing.
"""

from collections.abc import Collection, Mapping
from enum import IntEnum

from shared.contracts.scalars import Stream
from shared.contracts.verdicts import VerdictData, VerdictEvent, VerdictRetracted, WarningData, WarningReached
from shared.instants import epoch_s
from sla_monitor.domain.announcements import Trigger, announce, compared_fields
from sla_monitor.domain.clock.verdict import Evaluation, Verdict, warning_label
from sla_monitor.domain.item import NOTHING_PUBLISHED, LastPublished


class AnnouncementReplay:
    """What was last published of each item, from events in the order of their log; one that is repeated counts once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        # By item and stream: a ticket and a work item of one council may share an id.
        self._published: dict[tuple[str, Stream], dict[str, LastPublished]] = {}

    def add(self, event: VerdictEvent) -> None:
        """The event is part of the replay."""
        if event.id in self._seen:
            return
        self._seen.add(event.id)
        published = self._published.setdefault((event.key, event.data.stream), {})
        name = f"{event.data.agreement}/{event.data.target}/{event.data.cycle}"
        published[name] = _after(published.get(name, NOTHING_PUBLISHED), event)

    def keys(self, stream: Stream) -> list[str]:
        """The items of the stream of which anything was published, as `council:item`."""
        return [key for key, found in self._published if found == stream]

    def republished(self, stream: Stream) -> dict[str, set[str]]:
        """Of each item of the stream, the `agreement/target/cycle` of which more than one verdict was published."""
        return {
            key: {name for name, last in published.items() if last.revision > 1}
            for (key, found), published in self._published.items()
            if found == stream
        }

    def announced(self, key: str, stream: Stream) -> dict[str, LastPublished]:
        """What was last published of an item, by `agreement/target/cycle`."""
        return self._published.get((key, stream), {})


def reconcile(
    stored: Mapping[str, LastPublished], replayed: Mapping[str, LastPublished], *, unreconciled: Collection[str]
) -> dict[str, LastPublished] | None:
    """What an item has published where the replay differs from what is stored of it; None where it does not.

    Every replayed event adds to the revision, so that the next event has an id that was never used. That holds for the
    `unreconciled`, too: more may have been published than is stored, although it led back to the stored verdict.
    """
    pairs = {name: (stored.get(name, NOTHING_PUBLISHED), last) for name, last in replayed.items() if last.revision}
    differing = {
        name: LastPublished(last.verdict, own.revision + last.revision, tuple(sorted({*own.warned, *last.warned})))
        for name, (own, last) in pairs.items()
        if name in unreconciled or _differ(own, last)
    }
    return {**stored, **differing} if differing else None


def _differ(stored: LastPublished, replayed: LastPublished) -> bool:
    if stored.verdict is None or replayed.verdict is None:
        return stored.verdict is not replayed.verdict
    return compared_fields(stored.verdict) != compared_fields(replayed.verdict)


def _after(was: LastPublished, event: VerdictEvent) -> LastPublished:
    match event:
        case WarningReached(data=data):
            return LastPublished(was.verdict, was.revision, tuple(sorted({*was.warned, _label(data)})))
        case VerdictRetracted():
            return LastPublished(None, was.revision + 1, was.warned)
        case _:
            return LastPublished(_verdict_in(event.data), was.revision + 1, was.warned)


def _label(data: WarningData) -> str:
    return warning_label(
        data.before or str(data.percent),
        None if data.exchange_started_at is None else epoch_s(data.exchange_started_at),
    )


def _verdict_in(data: VerdictData) -> VerdictData:
    """The verdict that now holds, without what a correction says of the one before."""
    if type(data) is VerdictData:
        return data
    return VerdictData(**{name: getattr(data, name) for name in VerdictData.__struct_fields__})


class MatchQuality(IntEnum):
    """How well an evaluation matches what was published."""

    DIFFERENT = 0  # it would announce something, or could not evaluate at all
    OTHER_RULES = 1  # it would, though by the versions that were named: a rule has changed, or an event was lost
    OTHER_VERSIONS = 2  # it would announce nothing, but other versions of agreement or calendar were named
    IDENTICAL = 3  # it would announce nothing, and the same versions were named


def match_quality(published: Mapping[str, LastPublished], evaluation: Evaluation, trigger: Trigger) -> MatchQuality:
    """How well `evaluation` matches what was `published` of the item."""
    events, _ = announce(dict(published), evaluation, trigger)
    if evaluation.waiting:
        return MatchQuality.DIFFERENT
    same = all(_same_versions(published, verdict) for verdict in evaluation.verdicts)
    if events:
        return MatchQuality.OTHER_RULES if same and evaluation.verdicts else MatchQuality.DIFFERENT
    return MatchQuality.IDENTICAL if same else MatchQuality.OTHER_VERSIONS


def _same_versions(published: Mapping[str, LastPublished], verdict: Verdict) -> bool:
    was = published.get(verdict.name, NOTHING_PUBLISHED).verdict
    if was is None:
        return True
    by = verdict.target
    calendar_version = None if by.calendar is None else by.calendar.version
    return (was.agreement_version, was.calendar_version) == (by.agreement_version, calendar_version)
