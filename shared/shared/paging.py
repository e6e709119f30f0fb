"""Long sequences in pages that a store or a network takes at once."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def paged(each: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """All of `each` in order, at most `size` at a time."""
    return (each[first : first + size] for first in range(0, len(each), size))
