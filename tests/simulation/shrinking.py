"""From a failing run to the shortest found that fails as well."""

from collections.abc import Callable, Sequence

from tests.simulation.plan import Step

_MOST_TRIES = 400


def shortest(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool]) -> list[Step]:
    """Steps that still fail and of which none can be left out, as far as `_MOST_TRIES` runs can tell.

    Leaves out halves, then quarters, and so on down to single steps.
    """
    left, tries = list(steps), 0
    size = len(left) // 2
    while size and tries < _MOST_TRIES:
        start = 0
        while start < len(left) and tries < _MOST_TRIES:
            fewer = left[:start] + left[start + size :]
            tries += 1
            if fails(fewer):
                left = fewer
            else:
                start += size
        size //= 2
    return left
