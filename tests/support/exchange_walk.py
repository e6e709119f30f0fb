"""An oracle for update targets: it walks through what happened to an item in steps and asks at each who waits for what.

It shares no code with the product and knows nothing of intervals. What happens must do so on whole steps, no two things
at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

STEP_S = 600
Happened = tuple[int, str]
Starts = Literal["opened", "assigned"]
Reopen = Literal["continue", "new-cycle", "first-close-is-final"]
_STOPS = ("resolved", "closed", "cancelled")


@dataclass
class WalkedExchange:
    """The steps that counted while the council waited for one answer, in seconds."""

    since: int
    counted_s: int = 0
    open: bool = True


@dataclass
class WalkedCycle:
    """The exchanges of one run of the clock; how it ended, if it did."""

    exchanges: list[WalkedExchange] = field(default_factory=list)
    ended: str | None = None

    def shown(self, allowed_s: int) -> tuple[str, int, int | None]:
        """The outcome, the counted seconds of the exchange that decides, and since when one is pending."""
        pending = next((each.since for each in self.exchanges if each.open), None)
        if not self.exchanges:
            return "out-of-scope", 0, None
        missed = [each for each in self.exchanges if each.counted_s > allowed_s]
        if missed:
            return "breached", missed[0].counted_s, pending
        if self.ended is None:
            return "running", self.exchanges[-1].counted_s, pending
        worst = max(each.counted_s for each in self.exchanges)
        return ("out-of-scope" if self.ended == "cancelled" else "met"), worst, None


@dataclass
class ExchangeWalk:
    """One walk; `counts` says of the start of a step whether its time counts."""

    happened: Sequence[Happened]
    starts: Starts
    reopen: Reopen
    counts: Callable[[int], bool]
    cycles: list[WalkedCycle] = field(default_factory=list)
    asked: bool = False
    paused: bool = False
    stopped: str | None = None
    held: str | None = None  # the stop that ends a cycle: for ever, or until a new one begins

    def to(self, as_of: int) -> list[WalkedCycle]:
        """The cycles as they stand then; what happens at `as_of` has happened."""
        known = [each for each in self.happened if each[0] <= as_of]
        by_time = dict(known)
        for now in range(known[0][0], as_of + 1, STEP_S):
            if now in by_time:
                self._happens(now, by_time[now], [what for at, what in known if at > now])
            waiting = self._waiting()
            if waiting is not None and now < as_of and not (self.paused or self.stopped) and self.counts(now):
                waiting.counted_s += STEP_S
        return self.cycles

    def _waiting(self) -> WalkedExchange | None:
        live = bool(self.cycles) and self.cycles[-1].ended is None
        return next((each for each in self.cycles[-1].exchanges if each.open), None) if live else None

    def _happens(self, now: int, what: str, later: Sequence[str]) -> None:
        if what == self.starts and not self.cycles:
            self._begin(now)
        elif what == "asked" and not self.asked:
            self.asked = True
            self._wait(now)
        elif what == "responded":
            self._answer()
        elif what == "paused" and not self.stopped:
            self.paused = True
        elif what == "resumed":
            self.paused = False
        elif what in _STOPS and not self.stopped:
            self._stop(what, reopens="reopened" in later)
        elif what == "reopened" and self.stopped:
            self._reopen(now)

    def _begin(self, now: int) -> None:
        self.cycles.append(WalkedCycle())
        self.cycles[-1].ended = self.held
        if self.asked:
            self._wait(now)

    def _wait(self, now: int) -> None:
        if self.cycles and self.cycles[-1].ended is None:
            self.cycles[-1].exchanges.append(WalkedExchange(now))

    def _answer(self) -> None:
        self.asked = False
        for each in self.cycles[-1].exchanges if self.cycles and self.cycles[-1].ended is None else ():
            each.open = False

    def _stop(self, what: str, *, reopens: bool) -> None:
        self.stopped, self.paused = what, False
        is_withdrawn_for_a_while = what == "cancelled" and reopens
        holds = not reopens or self.reopen != "continue"
        if holds and not is_withdrawn_for_a_while:
            self._answer()
            self.held = self.held or what
            if self.cycles:
                self.cycles[-1].ended = self.held

    def _reopen(self, now: int) -> None:
        is_new = self.held is not None and self.reopen == "new-cycle"
        self.stopped = None
        if not is_new:
            return
        self.held = None
        if self.cycles:
            self.cycles.append(WalkedCycle())
            if self.asked:
                self._wait(now)
