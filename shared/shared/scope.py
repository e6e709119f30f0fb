"""The councils whose data a caller may see: a required argument of every read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple


class Past(NamedTuple):
    """A council that ended on a day: what is of before that day may be read by its successors."""

    council: str
    end: date


@dataclass(frozen=True, slots=True)
class Scope:
    """The councils that a caller may see, by id; `councils` is None where that is every council.

    Made by `Scope.all()` or `Scope.of(...)`, so that reading everything is always written out.

    `past` is what these councils inherit. It allows nothing by itself: a read that is bound in time takes what it may
    see of it by `until` or `with_definitions`, and nothing that changes something does.
    """

    councils: frozenset[str] | None
    past: frozenset[Past] = frozenset()

    @classmethod
    def all(cls) -> "Scope":
        """Every council, also one that is not known yet."""
        return cls(None)

    @classmethod
    def of(cls, *councils: str) -> "Scope":
        """These councils and no other; without any, nothing can be seen."""
        return cls(frozenset(councils))

    def allows(self, council: str) -> bool:
        """Whether the caller may see data of `council`."""
        return self.councils is None or council in self.councils

    def narrowed_to(self, council: str | None) -> "Scope":
        """What is left of this scope when only `council` is asked for; all of it when None.

        A council outside this scope leaves nothing: the caller learns no more than for a council that does not exist.
        """
        if council is None:
            return self
        return Scope.of(council) if self.allows(council) else Scope.of()

    def visible(self, councils: Iterable[str]) -> list[str]:
        """Those of `councils` that the caller may see, in their order."""
        return [council for council in councils if self.allows(council)]

    def with_past(self, past: Iterable[Past]) -> "Scope":
        """The same councils, and what they inherit."""
        return Scope(self.councils, frozenset(past))

    def until(self, end: date) -> "Scope":
        """What may be read of a time that ends on that day, `end` excluded: also of councils that lasted so long."""
        if self.councils is None:
            return self
        return Scope(self.councils | {each.council for each in self.past if end <= each.end})

    def with_definitions(self) -> "Scope":
        """Its councils and those whose past they inherit, of which only what begins before their `end` may be read."""
        return self if self.councils is None else Scope(self.councils | {each.council for each in self.past}, self.past)
