"""What a statement is computed from beside events, as it was when the statement was issued: kept, for it can change.

Events stay as they are, and their offsets say which had been read. Verdicts are corrected and definitions get versions.
"""

import zlib
from collections.abc import Iterable, Iterator

from billing.tally.reading import NoTally, TallyFault
from billing.tally.records import (
    TallyBasis,
    TallyDefinition,
    TallyEarlier,
    TallyFailure,
    TallyVerdict,
    decoder,
    encoded,
)
from billing.tally.writing import compressed


def kept(basis: Iterable[TallyBasis]) -> bytes:
    """The records as lines, compressed."""
    return b"".join(compressed(encoded(record) + b"\n" for record in basis))


def kept_records(content: bytes) -> Iterator[TallyBasis]:
    """The records that `kept` compressed. Raises `NoTally` where these are none."""
    held, unpacker = b"", zlib.decompressobj(16 + zlib.MAX_WBITS)
    packed = content
    while packed and not unpacker.eof:
        *lines, held = (held + unpacker.decompress(packed, 2**20)).split(b"\n")
        packed = unpacker.unconsumed_tail
        for line in lines:
            yield _basis(line)
    if held:
        raise NoTally("what was kept of an issued statement is not whole")


def _basis(line: bytes) -> TallyBasis:
    record = decoder().decode(line)
    if isinstance(record, TallyDefinition | TallyEarlier | TallyFailure | TallyVerdict):
        return record
    raise TallyFault("what was kept of an issued statement is something else")
