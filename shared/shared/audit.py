"""The audit log's chain: entries that cannot be changed, taken out or put in between without its being noticed.

Each entry holds the digest of the one before it. A chain alone cannot show that its newest entries were cut off; that
shows by comparing it with what was published of it.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from shared.contracts.codec import canonical_json

# What the first entry holds in place of a digest before it.
BEGINNING = "0" * 64


class AuditRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: who did what to what, at which instant (microseconds since 1970, UTC).

    `council` is whose data it was about, None where it was nobody's. `details` are few and short, never personal data
    beyond the actor's own name, never a secret.
    """

    at_us: int
    actor: str
    action: str
    subject: str
    council: str | None = None
    details: Mapping[str, str] = {}


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A record in its place: `number` from 1 on without a gap, `previous` and `digest` as 64 hexadecimal digits."""

    number: int
    record: AuditRecord
    previous: str
    digest: str


class BrokenEntry(NamedTuple):
    """The first entry that is not as it was written, and what is wrong with it."""

    number: int
    fault: str


def entry_after(last: AuditEntry | None, record: AuditRecord) -> AuditEntry:
    """The record as the entry that follows `last`, or as the first one."""
    number, previous = (1, BEGINNING) if last is None else (last.number + 1, last.digest)
    return AuditEntry(number=number, record=record, previous=previous, digest=_digest(number, record, previous))


def follows(last: AuditEntry, entry: AuditEntry) -> bool:
    """Whether the entry is whole and comes right after `last`, of which only number and digest are looked at."""
    return entry == entry_after(last, entry.record)


def first_broken(entries: Iterable[AuditEntry]) -> BrokenEntry | None:
    """The first of all entries, in their order, that was changed or does not follow the one before; None if none."""
    last = AuditEntry(number=0, record=_NOTHING, previous="", digest=BEGINNING)
    for entry in entries:
        if entry.number != last.number + 1:
            missing = last.number + 1
            return BrokenEntry(missing, f"it is missing: entry {last.number} is followed by {entry.number}")
        if entry.previous != last.digest:
            return BrokenEntry(entry.number, "it does not follow the entry before it")
        if entry.digest != _digest(entry.number, entry.record, entry.previous):
            return BrokenEntry(entry.number, "its content was changed")
        last = entry
    return None


def first_difference(stored: Iterable[AuditEntry], published: Iterable[AuditEntry]) -> BrokenEntry | None:
    """The first entry that was published and is not stored so; what is not published yet is no difference."""
    for held, announced in zip_longest(stored, published):
        if announced is None:
            return None
        if held is None:
            return BrokenEntry(announced.number, "it was published and is no longer stored")
        if held != announced:
            return BrokenEntry(announced.number, "it was published with another content")
    return None


_NOTHING = AuditRecord(at_us=0, actor="", action="", subject="")


def _digest(number: int, record: AuditRecord, previous: str) -> str:
    return sha256(canonical_json([number, previous, record])).hexdigest()
