"""When too many records of a shard cannot be believed: then a sender as a whole is wrong, or this release is.

Ten of any 1,000 offsets may be set aside; the eleventh halts the shard in front of itself, so that a bad release does
not empty a topic into quarantine. Eleven in a row are eleven of 1,000: the one rule covers both. What quarantine holds
is the only memory, so that a restart changes nothing.
"""

from collections.abc import Sequence

from shared.log.port import Shard

MAX_QUARANTINED = 10
WINDOW = 1_000


class Flood(Exception):
    """Of the records offered, the one at `offset` makes it a flood: those before it may be taken in, no more."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def halting_offset(before: Sequence[int], poison: Sequence[int]) -> int | None:
    """The first of `poison` that makes more than `MAX_QUARANTINED` within `WINDOW` offsets; None for no flood.

    `before` are the offsets set aside earlier: those of the newest `WINDOW` suffice. Both ascend.
    """
    aside = [*before, *poison]
    for index in range(max(len(before), MAX_QUARANTINED), len(aside)):
        if aside[index] - aside[index - MAX_QUARANTINED] < WINDOW:
            return aside[index]
    return None


def halt_message(shard: Shard, offset: int) -> str:
    """What an operator reads of a halted shard: why it stands, and what can be done."""
    return (
        f"{shard} is halted at offset {offset}: over {MAX_QUARANTINED} of its last {WINDOW:,} records were invalid. "
        "If this release is at fault, deploy one that reads them; if their sender is, stop it and run "
        f"`tallystick quarantine accept-flood {shard} --reason …`. Nothing has been lost"
    )
