"""How long work took, by the clock and of the processor, and what that is an event."""

import time
from collections.abc import Callable
from typing import NamedTuple


class Spent(NamedTuple):
    """Seconds of the clock, which neighbours on the machine lengthen, and of the processor, in all threads."""

    elapsed_s: float
    processor_s: float

    @classmethod
    def now(cls) -> "Spent":
        """What to take away from a later one."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, began: "Spent") -> "Spent":
        """What has been spent from `began` until here."""
        return Spent(self.elapsed_s - began.elapsed_s, self.processor_s - began.processor_s)

    def line(self, what: str, events: int) -> str:
        """Events a second and microseconds of processor an event, as a row of a table."""
        rate, cost_us = events / self.elapsed_s, self.processor_s / events * 1e6
        return f"{what:<50} {rate:>12,.0f} /s {cost_us:>8,.1f} us of processor"


def spend(work: Callable[[], object]) -> Spent:
    """What `work` has spent."""
    began = Spent.now()
    work()
    return Spent.now().since(began)
