"""What was computed from a state of the store, kept until that state is another."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class Memo:
    """The latest answer to each of the last `size` questions, with the state that it follows from. Threads share it."""

    def __init__(self, size: int) -> None:
        """With size 0 nothing is kept."""
        self._size, self._lock = size, Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, Any]] = OrderedDict()

    def get(self, question: Hashable, state: Hashable, compute: Callable[[], T]) -> T:
        """What `compute` answers, which is asked only where the state is not that of the answer that is kept."""
        with self._lock:
            known = self._kept.get(question)
        if known is not None and known[0] == state:
            answer: T = known[1]
            return answer
        computed = compute()
        with self._lock:
            self._kept[question] = state, computed
            self._kept.move_to_end(question)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)
        return computed
