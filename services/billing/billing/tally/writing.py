"""A tally written, line by line: nothing is held in memory but the line, whatever the month has used."""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from msgspec import Raw
from msgspec.structs import replace

from billing.domain.metering import EventReceived
from billing.tally.records import (
    FORMAT,
    TallyBasis,
    TallyCheckpoint,
    TallyHeader,
    TallyRecord,
    TallySeal,
    TallyStatement,
    encoded,
    event_record,
    signed_content,
)
from shared.period import Month

# So many records at most lie between two checkpoints: by them a change is found to within as many lines.
RECORDS_A_CHECKPOINT = 1000
SUFFIX = "tally.jsonl.gz"
MEDIA_TYPE = "application/gzip"
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class TallyContents:
    """What a tally holds. `statement` is canonical bytes; `number` is None for a draft.

    `basis` has definitions by kind, id and version, then earlier statements by month, then failed items, then verdicts
    by agreement, service, target, stream, item and cycle. `events` are those of items, by stream, item, instant, place,
    source and id, then readings, by source and id, each before what names it.
    """

    council: str
    month: Month
    status: str
    rules_version: int
    statement: bytes
    basis: Iterable[TallyBasis]
    events: Iterable[EventReceived]
    number: str | None = None
    previous_sha256: str | None = None


class NoSealingKey(Exception):
    """There is no key by which statements are sealed; the message says what to set."""


# What a provider signs by: given the content, its public key as a JWK and the signature.
Signer = Callable[[bytes], tuple[dict[str, str], str]]


def tally_lines(contents: TallyContents, sign: Signer | None) -> Iterator[bytes]:
    """Every line, with its end; the last is the seal, which nobody has signed where there is no `sign`."""
    digest, lines, since = hashlib.sha256(), 0, 0
    header = TallyHeader(
        format=FORMAT,
        council=contents.council,
        month=str(contents.month),
        status=contents.status,
        rules_version=contents.rules_version,
        number=contents.number,
    )
    for record in _records(header, contents):
        if since == RECORDS_A_CHECKPOINT:
            line = encoded(TallyCheckpoint(lines=lines, sha256=digest.hexdigest())) + b"\n"
            digest.update(line)
            lines, since = lines + 1, 0
            yield line
        line = encoded(record) + b"\n"
        digest.update(line)
        lines, since = lines + 1, since + 1
        yield line
    seal = TallySeal(
        lines=lines,
        tally_sha256=digest.hexdigest(),
        statement_sha256=hashlib.sha256(contents.statement).hexdigest(),
        previous_sha256=contents.previous_sha256,
    )
    yield encoded(signed(header, seal, sign)) + b"\n"


def signed(header: TallyHeader, seal: TallySeal, sign: Signer | None) -> TallySeal:
    """The seal with the key and the signature of `sign`; as it is where there is none."""
    if sign is None:
        return seal
    key, signature = sign(signed_content(header, seal))
    return replace(seal, key=key, signature=signature)


def compressed(lines: Iterable[bytes]) -> Iterator[bytes]:
    """The lines as a gzip file, in chunks; the same lines give the same bytes of one zlib."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    held, size = [], 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= _CHUNK:
            if chunk := packer.compress(b"".join(held)):
                yield chunk
            held, size = [], 0
    yield packer.compress(b"".join(held)) + packer.flush()


def _records(header: TallyHeader, contents: TallyContents) -> Iterator[TallyRecord]:
    yield header
    yield TallyStatement(sha256=hashlib.sha256(contents.statement).hexdigest(), content=Raw(contents.statement))
    yield from contents.basis
    yield from map(event_record, contents.events)
