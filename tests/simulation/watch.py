"""What must hold at every single commit of live state, whatever goes on around it."""

from collections import Counter

from shared.clock import Clock, WallClock
from shared.contracts.codec import decode_event
from shared.contracts.verdicts import TargetBreached
from shared.log.port import Shard
from shared.state.port import Change, Head


class Watchman:
    """Looks at each commit before it is made. `seen_wrong` says what was wrong."""

    def __init__(self, met: Counter[str]) -> None:
        self._met = met
        self.clock: Clock = WallClock()
        self.seen_wrong: list[str] = []

    def look(self, shard: Shard, seen: Head | None, change: Change | None) -> None:
        """The commit is right, or is noted. None for one that was fenced off."""
        if change is None:
            self._met["fenced"] += 1
            return
        self._met["committed"] += 1
        head = change.head
        if seen is not None and (head.next_offset < seen.next_offset or head.clock_ms < seen.clock_ms):
            self.seen_wrong.append(f"went back: {shard} from {seen} to {head}")
        if head.next_offset - head.first_offset != sum(head.counts.values()):
            self.seen_wrong.append(f"unaccounted: {shard} has {dict(head.counts)} of {head}")
        for message in change.outbox:
            event = decode_event(message.value)
            if isinstance(event, TargetBreached):
                self._look_at_breach(event, head)

    def _look_at_breach(self, breach: TargetBreached, head: Head) -> None:
        if breach.time.timestamp() * 1000 >= head.clock_ms:
            self.seen_wrong.append(
                f"too early: {breach.subject} breached at {breach.time}, the shard's clock is {head.clock_ms}"
            )
        if breach.time >= self.clock.now():
            self.seen_wrong.append(f"too early: {breach.subject} breached at {breach.time}, which has not come yet")
