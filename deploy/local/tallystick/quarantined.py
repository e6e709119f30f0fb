"""Records in the services' quarantines, found by their place in the log or all at once."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.log.port import Shard
from shared.quarantine.service import NotQuarantined, QuarantineEntry, QuarantineService
from shared.scope import Scope
from tallystick.console import fail

_DIGITS = re.compile(r"[0-9]{1,18}")  # what databases hold


@dataclass(frozen=True, slots=True)
class QuarantinedBy:
    """A record in the quarantine of one service."""

    quarantine: QuarantineService
    entry: QuarantineEntry


# The same record may be quarantined by both services: one place, and whoever holds it there.
Places = Mapping[str, Sequence[QuarantinedBy]]


async def selected_entries(
    services: Sequence[QuarantineService], places: Sequence[str], *, because: str | None, every: bool
) -> Places:
    """Those at `places`, or with `every` all that are open; ends the command where both or neither are given."""
    if every == bool(places):
        fail("Which records is not clear.", do="Name their places, or all open ones with --all.")
    if every:
        return await open_entries(services, because=because, decided=False)
    return {place: await entries_at(services, place) for place in places}


async def open_entries(services: Sequence[QuarantineService], *, because: str | None, decided: bool) -> Places:
    """What is open, or all with what was `decided`, by place."""
    found: defaultdict[str, list[QuarantinedBy]] = defaultdict(list)
    for each in services:
        async for entry in each.entries(Scope.all(), decided=decided):
            if because in {None, entry.record.reason}:
                found[entry.place].append(QuarantinedBy(each, entry))
    return found


async def entries_at(services: Sequence[QuarantineService], place: str) -> Sequence[QuarantinedBy]:
    """The record at `place`, by each service that holds it; ends the command where none does."""
    name, _, offset = place.rpartition("@")
    shard = _shard_of(name)
    if shard is None or not _DIGITS.fullmatch(offset):
        fail(f"{place!r} is no place of a record.", do="Write for example provider.work.v1/3@1042.")
    found: list[QuarantinedBy] = []
    for each in services:
        try:
            found.append(QuarantinedBy(each, await each.entry(Scope.all(), shard, int(offset))))
        except NotQuarantined:
            continue
    if not found:
        fail(f"Nothing was quarantined at {place}.", do="`tallystick quarantine list --decided` shows what was.")
    return found


def read_shard(name: str) -> Shard:
    """The partition that is written as `provider.work.v1/3`; ends the command where none is."""
    shard = _shard_of(name)
    if shard is None:
        fail(f"{name!r} is no partition of a topic.", do="Write for example provider.work.v1/3.")
    return shard


def _shard_of(name: str) -> Shard | None:
    topic, _, partition = name.rpartition("/")
    return Shard(topic, int(partition)) if topic and _DIGITS.fullmatch(partition) else None
