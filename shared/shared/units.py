"""Offsets, epoch seconds, milliseconds and microseconds, and ids: the type checker sees when they are mixed up.

For ports, records and signatures in which two kinds meet. `shared.instants` makes the epoch kinds from instants.
"""

from typing import NewType

# A record's place in its shard. Offsets ascend and may have gaps; an end is the offset that the next record will get.
Offset = NewType("Offset", int)

# Since 1 January 1970, UTC.
EpochSeconds = NewType("EpochSeconds", int)
EpochMillis = NewType("EpochMillis", int)
EpochMicros = NewType("EpochMicros", int)

# Ids that are side by side in signatures: 1 to 64 of A-Z a-z 0-9 _ . -
CouncilId = NewType("CouncilId", str)
ItemId = NewType("ItemId", str)
