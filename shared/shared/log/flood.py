"""When too many records of a shard are invalid: then a sender as a whole is wrong, or this release is.

Ten of any 1,000 offsets may be quarantined; the eleventh halts the shard in front of itself, so that a bad release does
not empty a topic into quarantine. Eleven in a row are eleven of 1,000: the one rule covers both. What quarantine holds
is the only memory, so that a restart changes nothing.
"""

from collections.abc import Sequence

from shared.log.port import Quarantined, Shard

MAX_QUARANTINED = 10
# One item that gets events without end is its sender's trouble, and so is what people wrote where ids belong: neither
# must stop the others of its partition.
NO_FLOOD = frozenset({"TOO_MANY_EVENTS", "PERSONAL_DATA"})
WINDOW = 1_000


class Flood(Exception):
    """Of the records offered, the one at `offset` makes it a flood: those before it may be applied, no more."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


def halting_offset(before: Sequence[int], poison: Sequence[int]) -> int | None:
    """The first of `poison` that is more than `MAX_QUARANTINED` within `WINDOW` offsets, itself included, or None.

    `before` are the offsets quarantined earlier: those of the newest `WINDOW` suffice. Both ascend.
    """
    quarantined = [*before, *poison]
    for index in range(max(len(before), MAX_QUARANTINED), len(quarantined)):
        if quarantined[index] - quarantined[index - MAX_QUARANTINED] < WINDOW:
            return quarantined[index]
    return None


def counts(record: Quarantined) -> bool:
    """Whether the record counts towards a flood: one that an operator has sent again never does."""
    return record.reason not in NO_FLOOD and not record.redriven


def halt_message(shard: Shard, offset: int) -> str:
    """What an operator reads of a halted shard: why it is halted, and what can be done."""
    return (
        f"{shard} is halted at offset {offset}: over {MAX_QUARANTINED} of its last {WINDOW:,} records are invalid. "
        "If this release is at fault, deploy one that reads them; if their sender is, stop it and run "
        f'`tallystick quarantine accept-flood {shard} --reason "the sender is stopped"`. Nothing has been lost'
    )
