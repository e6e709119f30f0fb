"""Time that both sides agreed not to count: planned maintenance, force majeure, what the council caused."""

from collections.abc import Iterable

from msgspec import Struct

from shared.contracts.exclusions import Category


class ExcludedTime(Struct, frozen=True):
    """[start, end) in epoch seconds, for whatever its scope names; None in the scope means every one."""

    id: str
    start: int
    end: int
    category: Category
    council: str | None = None
    service: str | None = None
    target: str | None = None
    item: str | None = None

    def covers(self, *, council: str, service: str, target: str, item: str) -> bool:
        """Whether its scope holds this target of this item."""
        scope = ((self.council, council), (self.service, service), (self.target, target), (self.item, item))
        return all(wanted in (None, found) for wanted, found in scope)


def covering(
    exclusions: Iterable[ExcludedTime], *, council: str, service: str, target: str, item: str
) -> tuple[ExcludedTime, ...]:
    """Those whose scope holds this target of this item."""
    return tuple(
        exclusion
        for exclusion in exclusions
        if exclusion.covers(council=council, service=service, target=target, item=item)
    )
