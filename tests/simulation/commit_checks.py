"""What must hold at every single commit of live state, whatever goes on around it."""

from collections import Counter

from shared.clock import Clock, WallClock
from shared.contracts.codec import decode_event
from shared.contracts.judged import JudgedThrough
from shared.contracts.verdicts import TargetBreached
from shared.log.port import Shard
from shared.state.port import Change, Head


class CommitChecker:
    """Checks each commit before it is made. `violations` says what was wrong."""

    def __init__(self, occurred: Counter[str]) -> None:
        self._occurred = occurred
        self.clock: Clock = WallClock()
        self.violations: list[str] = []
        self._left: set[tuple[Shard, str]] = set()

    def check(self, shard: Shard, seen: Head | None, change: Change | None) -> None:
        """A violation is noted where the commit breaks an invariant. `change` is None for one that was fenced off."""
        if change is None:
            self._occurred["fenced"] += 1
            return
        self._occurred["committed"] += 1
        head = change.head
        if seen is not None and (head.next_offset < seen.next_offset or head.clock_ms < seen.clock_ms):
            self.violations.append(f"went back: {shard} from {seen} to {head}")
        if head.next_offset - head.first_offset != sum(head.counts.values()):
            self.violations.append(f"unaccounted: {shard} has {dict(head.counts)} of {head}")
        if head.counts.get("parked", 0) != sum(head.parked.values()):
            self.violations.append(f"unaccounted: {shard} has {dict(head.parked)} parked of {head}")
        self._follow_archiving(shard, change)
        for message in change.outbox:
            event = decode_event(message.value)
            if isinstance(event, TargetBreached):
                self._check_breach(event, head)
            elif isinstance(event, JudgedThrough) and event.data.through > self.clock.now():
                self.violations.append(f"too early: {shard} is marked through {event.data.through}, still to come")

    def _follow_archiving(self, shard: Shard, change: Change) -> None:
        """Items that leave live state, and those that come back to it, have occurred."""
        for key, value in change.items.items():
            if value is None:
                self._left.add((shard, key))
                self._occurred["archived"] += 1
            elif (shard, key) in self._left:
                self._left.remove((shard, key))
                self._occurred["brought back"] += 1

    def _check_breach(self, breach: TargetBreached, head: Head) -> None:
        if breach.time.timestamp() * 1000 >= head.clock_ms:
            self.violations.append(
                f"too early: {breach.subject} breached at {breach.time}, the shard's clock is {head.clock_ms}"
            )
        if breach.time >= self.clock.now():
            self.violations.append(f"too early: {breach.subject} breached at {breach.time}, which has not come yet")
