"""A tally read, line by line, from a file that anybody may have made: bounded in every way, and strict.

Only what the product would write itself is accepted: each record in its canonical form, each section in its place, each
record after the one before it. So nothing can be doubled, moved or hidden.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from billing.tally.records import (
    FORMAT,
    SECTIONS,
    TallyCheckpoint,
    TallyDefinition,
    TallyEarlier,
    TallyEvent,
    TallyFailure,
    TallyRecord,
    TallySeal,
    TallyVerdict,
    decoder,
    encoded,
)
from billing.tally.recount import RECORDED

MAX_LINE_BYTES = 16 * 2**20
MAX_BYTES = 16 * 2**30
MAX_LINES = 50_000_000
_CHUNK = 256 * 1024
_GZIP = b"\x1f\x8b"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# In which order definitions come.
_DEFINITIONS = ("council", "service", "provider", "agreement", "tariff", "partnership")
_MARK = b"\xef\xbb\xbf"


class TallyFault(Exception):
    """The first thing that is wrong with a tally, in words."""


class NoTally(TallyFault):
    """The file is none, or cannot be read as one."""


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A record, the number of its line, and the SHA-256 of every byte before that."""

    number: int
    record: TallyRecord
    sha256_before: str | None


def tally_records(path: Path) -> Iterator[ReadRecord]:
    """Each record in its order; raises `TallyFault` at the first that is wrong, and where the seal is not the end.

    The digest is of checkpoints and of the seal, which name it; of others it is not made.
    """
    digest, order, number = hashlib.sha256(), _Order(), 0
    seal: TallyRecord | None = None
    for number, line in enumerate(tally_lines_of(path), 1):
        if seal is not None:
            raise TallyFault(f"line {number:,} comes after the seal, which must be the last line")
        record = _record(line, number)
        order.require(record, number)
        needs_digest = isinstance(record, TallyCheckpoint | TallySeal)
        yield ReadRecord(number, record, digest.hexdigest() if needs_digest else None)
        seal = record if isinstance(record, TallySeal) else None
        digest.update(line)
        digest.update(b"\n")
    if seal is None:
        raise NoTally(
            "the file is empty"
            if number == 0
            else f"the file ends after line {number:,} without its seal: it is not whole"
        )


def tally_lines_of(path: Path) -> Iterator[bytes]:
    """The lines without their ends, of a gzip file or of a plain one; raises `NoTally`."""
    held = b""
    for number, chunk in enumerate(_chunks(path)):
        if number == 0 and chunk.startswith((*_UTF_16, _MARK)):
            raise NoTally("the file is not plain UTF-8: a tally has no byte order mark and no other encoding")
        *whole, held = (held + chunk).split(b"\n") if b"\n" in chunk else (held + chunk,)
        yield from whole
        if len(held) > MAX_LINE_BYTES:
            raise NoTally(f"a line is longer than {MAX_LINE_BYTES // 2**20} MiB, which no tally has")
    if held:
        raise NoTally("the file ends in the middle of a line: it is not whole")


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from _plain(file) if not _is_gzip(file) else _unpacked(file)
    except IsADirectoryError:
        raise NoTally("that is a folder: name the file") from None
    except zlib.error:
        raise NoTally("the compressed file is damaged: ask for it again") from None
    except OSError as fault:
        raise NoTally(f"the file cannot be read: {fault.strerror or type(fault).__name__}") from None


def _is_gzip(file: BinaryIO) -> bool:
    magic = file.read(2)
    file.seek(0)
    return magic == _GZIP


def _plain(file: BinaryIO) -> Iterator[bytes]:
    size = 0
    while chunk := file.read(_CHUNK):
        size += len(chunk)
        _require_size(size)
        yield chunk


def _unpacked(file: BinaryIO) -> Iterator[bytes]:
    unpacker, size = zlib.decompressobj(16 + zlib.MAX_WBITS), 0
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or file.read(_CHUNK)
        if not packed:
            raise NoTally("the compressed file ends in the middle: it is not whole")
        chunk = unpacker.decompress(packed, _CHUNK)
        size += len(chunk)
        _require_size(size)
        if chunk:
            yield chunk
    if unpacker.unused_data or file.read(1):
        raise NoTally("something follows the compressed file: a tally has nothing after its end")


def _require_size(size: int) -> None:
    if size > MAX_BYTES:
        raise NoTally(f"the file is larger than {MAX_BYTES // 2**30} GiB when it is unpacked, which no tally is")


def _record(line: bytes, number: int) -> TallyRecord:
    if number > MAX_LINES:
        raise NoTally(f"the file has more than {MAX_LINES:,} lines, which no tally has")
    try:
        record = decoder().decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _unreadable(line, number, fault) from None
    if encoded(record) != line:
        raise TallyFault(
            f"line {number:,} is not written as a tally writes it: it was changed, or made by something else"
        )
    return record


def _unreadable(line: bytes, number: int, fault: Exception) -> TallyFault:
    if number > 1:
        return TallyFault(f"line {number:,} is no record of a tally: {_short(fault)}")
    found = _format_of(line)
    if found is not None and found != FORMAT:
        return NoTally(
            f"the file has the format {found[:64]!r}; this release reads {FORMAT}: use the release that wrote it"
        )
    return NoTally(f"the file is no tally: its first line is no heading of one ({_short(fault)})")


def _format_of(line: bytes) -> str | None:
    try:
        found: Any = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    is_heading = isinstance(found, dict) and found.get("kind") == "header"
    return found["format"] if is_heading and isinstance(found.get("format"), str) else None


def _short(fault: Exception) -> str:
    return "it is nested too deeply" if isinstance(fault, RecursionError) else str(fault)[:200]


class _Order:
    """Which record came last, so that the next one must come after it."""

    def __init__(self) -> None:
        self._section, self._key = -1, ()
        self._checkpoint_at = 0

    def require(self, record: TallyRecord, number: int) -> None:
        """Raises `TallyFault` unless the record may come here."""
        if isinstance(record, TallyCheckpoint):
            if self._section < 0:
                raise NoTally("the file is no tally: it does not begin with its heading")
            return
        section, key = SECTIONS[type(record)], _key_of(record)
        if self._section < 0 and section:
            raise NoTally("the file is no tally: it does not begin with its heading")
        if section == self._section and key == self._key:
            raise TallyFault(f"line {number:,} is there twice: {_name_of(record)}")
        if (section, key) < (self._section, self._key):
            raise TallyFault(f"line {number:,} is not in its place: {_name_of(record)} must come before the line above")
        self._section, self._key = section, key


def _key_of(record: TallyRecord) -> tuple[Any, ...]:
    match record:
        case TallyDefinition(of=of, version=version, content=content):
            return _DEFINITIONS.index(of), _id_in(bytes(content)), version
        case TallyEarlier(month=month):
            return (month,)
        case TallyFailure(item=item):
            return (item,)
        case TallyVerdict():
            return record.order
        case TallyEvent():
            return _event_key(record)
        case _:
            return ()


def _event_key(event: TallyEvent) -> tuple[Any, ...]:
    if event.stream != "usage":
        return 0, event.stream, event.item, event.at, event.place, event.source, event.id
    if event.type == RECORDED or event.target_id is None:
        return 1, event.source, event.id, 0
    return 1, event.target_source or "", event.target_id, 1, event.at, event.source, event.id


def _id_in(content: bytes) -> str:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    return str(found.get("id", "")) if isinstance(found, dict) else ""


def _name_of(record: TallyRecord) -> str:
    match record:
        case TallyEvent(id=id_, source=source):
            return f"the event {id_} of {source}"
        case TallyVerdict(item=item, target=target):
            return f"the verdict on {item} by {target}"
        case TallyDefinition(of=of, content=content):
            return f"the {of} {_id_in(bytes(content))}"
        case TallyEarlier(month=month):
            return f"the statement of {month}"
        case TallyFailure(item=item):
            return f"the failed item {item}"
        case _:
            return f"the {type(record).__name__.removeprefix('Tally').lower()}"
