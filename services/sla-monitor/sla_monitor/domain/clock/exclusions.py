"""Time that both sides agreed not to count: planned maintenance, force majeure, what the council caused."""

from collections.abc import Iterable

from msgspec import Struct

from shared.contracts.decisions import Category


class ExcludedTime(Struct, frozen=True):
    """[start, end) in epoch seconds, for what the other fields name; None in one of them means every one."""

    id: str
    start: int
    end: int
    category: Category
    council: str | None = None
    service: str | None = None
    target: str | None = None
    item: str | None = None

    def covers(self, *, council: str, service: str, target: str, item: str) -> bool:
        """Whether it is agreed for this target of this item."""
        pairs = ((self.council, council), (self.service, service), (self.target, target), (self.item, item))
        return all(named in (None, found) for named, found in pairs)


def covering(
    exclusions: Iterable[ExcludedTime], *, council: str, service: str, target: str, item: str
) -> tuple[ExcludedTime, ...]:
    """Those that are agreed for this target of this item."""
    return tuple(each for each in exclusions if each.covers(council=council, service=service, target=target, item=item))
