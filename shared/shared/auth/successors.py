"""Whose past a council inherits: that of each council which named it as a successor, from the day it ended."""

from collections.abc import Iterator
from datetime import date, datetime

from shared.contracts.catalogue import CouncilVersioned
from shared.contracts.definitions import Council
from shared.contracts.versions import DefinitionVersion, version_on
from shared.period import LONDON
from shared.scope import Past, Scope


class Successors:
    """The councils as far as the catalogue's log has been read. An event added twice changes nothing."""

    def __init__(self) -> None:
        self._versions: dict[str, dict[int, DefinitionVersion[Council]]] = {}

    def add(self, event: CouncilVersioned) -> None:
        """The version of the council is known."""
        version = DefinitionVersion(event.data.version, event.data.definition)
        self._versions.setdefault(version.definition.id, {})[version.number] = version

    def inheriting(self, scope: Scope, now: datetime) -> Scope:
        """The scope with what its councils inherit at that instant, also through councils that have ended in turn."""
        if scope.councils is None:
            return scope
        today = now.astimezone(LONDON).date()
        found: dict[str, date] = {}
        heirs = set(scope.councils)
        while heirs:
            ended = {council: end for council, end in self._ended_before(heirs, today) if council not in found}
            found |= ended
            heirs = set(ended) - scope.councils
        return scope.with_past(Past(council, end) for council, end in found.items() if council not in scope.councils)

    def _ended_before(self, heirs: set[str], today: date) -> Iterator[tuple[str, date]]:
        for id_, versions in self._versions.items():
            known = version_on(versions.values(), today)
            if known is None or (end := known.definition.effective_to) is None or today < end:
                continue
            if heirs.intersection(known.definition.successors):
                yield id_, end
