"""Ended items that leave live state: when they may, what is kept of them, and how one comes back.

An item is its set of facts and what was published of it. So a copy and the item in live state are united as sets, in
any order and as often as one likes: a copy that was written twice, or by two workers, loses nothing.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from shared.instants import epoch_s
from shared.period import month_of_hour
from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.timeline import FOREVER, read_timeline
from sla_monitor.domain.clock.verdict import Evaluation
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.freezing import frozen_from
from sla_monitor.domain.item import NOTHING_PUBLISHED, Item, LastPublished, insert_fact

# From which epoch second on the ended items of a month (`2026-03`) may leave live state.
LeavesAt = Callable[[str], int]
# What distinguishes a fact: its source and id.
FactIdentity = tuple[str, str]


class ArchiveLost(RuntimeError):
    """Items were removed from live state that the archive does not hold any more: an older copy of it was restored."""


class ArchivedItem(Struct, frozen=True):
    """The whole of an item, with for each fact, in their order, up to where its shard had been read when it came here.

    A shard that has gone back to before that offset (its live state was lost) will read the fact's record again.
    """

    item: Item
    read_to: list[int]


def require_whole(shard: str, *, writes: int, after_write: int) -> None:
    """Raises `ArchiveLost` where live state was relieved of items by a write that the archive does not know."""
    if writes < after_write:
        raise ArchiveLost(
            f"{shard}: live state has left ended items to the database {after_write} times, and the database knows of "
            f"{writes}. It is another database, or an older copy was restored: give the monitor the newest one, or "
            "stop every monitor and run `python -m sla_monitor rebuild`"
        )


def leaves_at(*, freeze_days: int, archive_days: int) -> LeavesAt:
    """Items leave `archive_days` after the month in which their last verdict counts is frozen."""
    return lambda month: epoch_s(frozen_from(month, days=freeze_days + archive_days))


def months_of(item: Item) -> tuple[str, ...]:
    """The months in which the item's published verdicts count, ascending."""
    published = (last.verdict for last in item.announced.values())
    return tuple(sorted({verdict.month for verdict in published if verdict is not None}))


def may_have_left(item: Item, leaves: LeavesAt, *, now_s: int) -> bool:
    """Whether the item has ended, and all that was published of it counts in months that are over for long.

    Cheap. What passes is evaluated: see `is_settled`.
    """
    months = months_of(item)
    if item.waiting or item.failed is not None or (months and leaves(months[-1]) > now_s):
        return False
    timeline, _ = read_timeline(item.facts, as_of_s=FOREVER - 1)
    if timeline is None or timeline.ended is None:
        return False
    last_fact_s = item.facts[-1].at_s
    return last_fact_s < now_s and leaves(str(month_of_hour(last_fact_s // 3600))) <= now_s


def is_settled(item: Item, evaluation: Evaluation, trigger: Trigger) -> bool:
    """Whether time alone changes nothing any more, and all that holds of the item was published."""
    if evaluation.waiting or evaluation.wake is not None:
        return False
    events, after = announce(item.announced, evaluation, trigger)
    return not events and after == item.announced


def united(first: Item, other: Item) -> Item:
    """An item with the facts of both, and of each verdict what was published last: the one with the higher revision.

    Where both have a fact under one identity with other content, that of `first` stays, as it does in live state.
    Live state gets to know the identities of its facts with the next write of it.
    """
    facts = list(first.facts)
    known_to = max(first.known_to, other.known_to)
    both = msgspec.structs.replace(first, facts=facts, known_to=known_to, unread=[], recalled=True)
    known = {identity(fact): fact for fact in facts}
    for fact in other.facts:
        if known.get(identity(fact)) != fact:
            insert_fact(both, fact)
    both.announced = last_published(first.announced, other.announced)
    return both


def last_published(first: Mapping[str, LastPublished], other: Mapping[str, LastPublished]) -> dict[str, LastPublished]:
    """Of each verdict in either what was published last, with the warnings of both."""
    names = dict.fromkeys([*first, *other])
    return {name: _last(first.get(name, NOTHING_PUBLISHED), other.get(name, NOTHING_PUBLISHED)) for name in names}


def archived(item: Item, *, read_to: int, copy: ArchivedItem | None = None) -> ArchivedItem:
    """What is kept of an item whose shard has been read up to `read_to`; `copy` is what was kept of it before."""
    both = item if copy is None else united(copy.item, item)
    since = {} if copy is None else dict(zip(map(identity, copy.item.facts), copy.read_to, strict=True))
    kept = msgspec.structs.replace(both, unread=[], recalled=False)
    return ArchivedItem(kept, [since.get(identity(fact), read_to) for fact in kept.facts])


def recalled(copy: ArchivedItem, *, next_offset: int) -> Item:
    """The item as live state gets it back in a shard whose next record is `next_offset`.

    `unread` are the facts that the shard has still to read again: their records count as applied, not as repetitions.
    """
    facts = zip(copy.item.facts, copy.read_to, strict=True)
    unread = [identity(fact) for fact, read_to in facts if read_to > next_offset]
    return msgspec.structs.replace(copy.item, unread=unread, recalled=True)


def identity(fact: AnyFact) -> FactIdentity:
    """What distinguishes the fact from every other of its item."""
    return fact.source, fact.id


def same_item(one: Item, other: Item) -> bool:
    """Whether both hold the same; how much of it a shard has still to read again is not part of it."""
    first, second = (msgspec.structs.replace(item, unread=[], recalled=False) for item in (one, other))
    return first == second


def _last(first: LastPublished, other: LastPublished) -> LastPublished:
    newest = max(first, other, key=_place)
    warned = tuple(sorted({*first.warned, *other.warned}))
    return msgspec.structs.replace(newest, warned=warned)


def _place(last: LastPublished) -> tuple[int, bytes]:
    """By revision; two of one revision (published by workers who each had lost the other's) by their content."""
    return last.revision, msgspec.msgpack.encode(last.verdict)
