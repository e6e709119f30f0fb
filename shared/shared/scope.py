"""The councils whose data a caller may see: a required argument of every read."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """The councils that a caller may see, by id; `councils` is None where that is every council.

    Made by `Scope.all()` or `Scope.of(...)`, so that reading everything is always written out.
    """

    councils: frozenset[str] | None

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
