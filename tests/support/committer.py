"""Another process that commits without end: `python -m tests.support.committer STATE_URL TOPIC PARTITION`.

Revision n sets every item, every due instant and the next offset to n, and announces n. Of two identities it keeps one
and drops the other, in turn. It says n when the commit
has returned.
"""

import asyncio
import sys

from shared.log.port import Outgoing, Shard
from shared.state.connect import connect
from shared.state.port import Change, Head
from shared.units import EpochMillis, EpochSeconds, Offset

IDENTITIES = (b"even", b"odd")
KEYS = tuple(f"item-{number}" for number in range(50))


def change_of(revision: int) -> Change:
    """What revision n stores."""
    return Change(
        head=Head(revision=revision, next_offset=Offset(revision)),
        items={key: str(revision).encode() for key in KEYS},
        due=dict.fromkeys(KEYS, EpochSeconds(revision)),
        identities={digest: number == revision % 2 for number, digest in enumerate(IDENTITIES)},
        outbox=[Outgoing(f"id-{revision}", "to.v1", "key", b"", EpochMillis(revision))],
    )


async def commit_for_ever(url: str, shard: Shard) -> None:
    """Runs until it is killed."""
    states = connect(url)
    seen = await states.head(shard)
    while True:
        change = change_of(seen.revision + 1 if seen else 1)
        await states.commit(shard, seen, change)
        seen = change.head
        sys.stdout.write(f"{seen.revision}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(commit_for_ever(sys.argv[1], Shard(sys.argv[2], int(sys.argv[3]))))
