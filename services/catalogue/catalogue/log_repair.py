"""The log of versions compared with the database, and the one completed from the other after a loss.

Every version is in both: the database has it with who recorded it, the log for its readers. So what one of them has
lost, the other still holds. What both hold is left alone: a version that is published again may, once the log is
compacted, stand after items that were judged by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from catalogue.announcements import announced_version
from catalogue.domain.versions import DEFINITION_TYPES, Catalogue, CatalogueVersion, DefinitionKey
from shared.contracts.access import AccessRevoked, AccessRevokedData
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.proposals import ProposalData, ProposalUpdated
from shared.contracts.topics import CATALOGUE
from shared.log.port import Bus, Shard
from shared.log.validation import InvalidRecord, read_event
from shared.units import Offset

VersionKey = tuple[DefinitionKey, int]
Versions = Mapping[VersionKey, CatalogueVersion]
_SHARD = Shard(CATALOGUE.name, 0)
_CARRIED = frozenset({*get_args(CatalogueEvent), AccessRevoked, ProposalUpdated})
_PAGE = 500
_NAMED = 3  # versions in a message; the others are counted


class LogDiffers(Exception):
    """The log and the database hold different definitions under the same id and version; nothing was changed."""


class LogAhead(Exception):
    """The log holds versions that the database does not; a new one would get the number of one of them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one side has and the other lacks, each in an order in which no version precedes one that it refers to."""

    missing_in_log: Sequence[CatalogueVersion]
    missing_in_database: Sequence[CatalogueVersion]


class AnnouncedVersions:
    """What the log holds. It remembers what it has read of it, and reads on from there.

    `taken_back` and `proposals` are the newest of each principal and of each proposal.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._identity = ""
        self._next_offset = Offset(0)
        self._versions: dict[VersionKey, CatalogueVersion] = {}
        self.taken_back: dict[str, AccessRevokedData] = {}
        self.proposals: dict[str, ProposalData] = {}

    async def read(self) -> Versions:
        """All of them by now: of a version that stands there twice the first. Records of anything else are skipped."""
        identity, held = await self._bus.identity(CATALOGUE.name), await self._bus.bounds(_SHARD)
        if identity != self._identity or held.end < self._next_offset:
            self._identity, self._next_offset, self._versions = identity, held.first, {}
            self.taken_back, self.proposals = {}, {}
        while records := await self._bus.read(_SHARD, max(self._next_offset, held.first), limit=_PAGE):
            for record in records:
                event = read_event(_SHARD, record, _CARRIED)
                if not isinstance(event, InvalidRecord):
                    self._add(event)
            self._next_offset = Offset(records[-1].offset + 1)
        return self._versions

    def _add(self, event: CatalogueEvent | AccessRevoked | ProposalUpdated) -> None:
        match event:
            case AccessRevoked(data=data):
                # What a restored database had still to publish comes after what is newer.
                if data.revoked_at >= self.taken_back.setdefault(data.principal, data).revoked_at:
                    self.taken_back[data.principal] = data
            case ProposalUpdated(subject=id_, data=proposal):
                if id_ not in self.proposals or proposal.decided is not None:
                    self.proposals[id_] = proposal
            case _:
                version = announced_version(event)
                self._versions.setdefault((version.key, version.number), version)


def compare(stored: Catalogue, announced: Versions) -> Comparison:
    """What each side lacks; raises `LogDiffers` where both have a version and it does not say the same."""
    recorded = {(key, each.number): each for key, versions in stored.items() for each in versions}
    different = [key for key in recorded.keys() & announced.keys() if not _same(recorded[key], announced[key])]
    if different:
        raise LogDiffers(
            f"the log has other definitions than the database: {_named(different)}. Restore the copy of the database "
            "from before they were recorded, then `python -m catalogue restore`"
        )
    return Comparison(
        _in_order(recorded[key] for key in recorded.keys() - announced.keys()),
        _in_order(announced[key] for key in announced.keys() - recorded.keys()),
    )


def require_complete_database(comparison: Comparison) -> None:
    """Raises `LogAhead` where the database lacks a version that the log holds."""
    lacking = [(version.key, version.number) for version in comparison.missing_in_database]
    if lacking:
        raise LogAhead(
            f"the database lacks what the log holds: {_named(lacking)}. It was lost, or an older copy was restored: "
            "run `python -m catalogue restore`"
        )


def _same(recorded: CatalogueVersion, announced: CatalogueVersion) -> bool:
    """The instant is not compared: a file that is loaded into a new database says the same as before."""
    return recorded.definition == announced.definition


def _in_order(versions: Iterable[CatalogueVersion]) -> list[CatalogueVersion]:
    kinds = list(DEFINITION_TYPES)
    return sorted(versions, key=lambda each: (each.recorded_at, kinds.index(each.key.kind), each.key.id, each.number))


def _named(keys: Sequence[VersionKey]) -> str:
    names = [f"{kind} {id_}, version {number}" for (kind, id_), number in sorted(keys)]
    more = [f"and {len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return "; ".join([*names[:_NAMED], *more])
