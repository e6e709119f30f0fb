"""A tally checked by itself: usage counted again, every line rated again, digests, signature and chain compared.

No server is asked and no state is read. What is found is in words, the first difference first.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from billing.domain.issued import Issued
from billing.domain.sealed import UnreadableStatement, statement_of
from billing.domain.statement import Statement
from billing.tally.comparing import differences
from billing.tally.reading import ReadRecord, TallyFault, tally_records
from billing.tally.recomputing import MOST_FAULTS, TallyRecomputation
from billing.tally.records import (
    TallyCheckpoint,
    TallyDefinition,
    TallyEarlier,
    TallyEvent,
    TallyFailure,
    TallyHeader,
    TallySeal,
    TallyStatement,
    TallyVerdict,
    signed_content,
)
from shared.auth.sealing import NotAKey, NotSigned, SealingKey, public_jwk, read_public_keys, require_signed
from shared.contracts import codec

SEAL_TYPE = "tallystick-tally"


@dataclass(slots=True)
class Verification:
    """What was checked of a tally, and `faults`, the first of which is the first thing that differs.

    `signed_by` is the id of the key; `is_key_given` whether the reader had that key from elsewhere.
    """

    council: str = ""
    month: str = ""
    number: str | None = None
    status: str = ""
    rules_version: int = 0
    total_pence: int | None = None
    events: int = 0
    verdicts: int = 0
    lines: int = 0
    statement_sha256: str = ""
    tally_sha256: str = ""
    previous_sha256: str | None = None
    signed_by: str | None = None
    is_key_given: bool = False
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def verify(path: Path, *, keys: Sequence[SealingKey] = ()) -> Verification:
    """What is found of the file at `path`; `keys` are the provider's, as the reader knows them from elsewhere."""
    check = _Check(keys)
    try:
        for read in tally_records(path):
            check.take(read)
    except TallyFault as fault:
        check.found.faults.insert(0, str(fault))
    return check.found


class _Check:
    def __init__(self, keys: Sequence[SealingKey]) -> None:
        self.found, self._keys = Verification(), keys
        self._header: TallyHeader | None = None
        self._recomputed: TallyRecomputation | None = None
        self._definitions: list[TallyDefinition] = []
        self._earlier: list[TallyEarlier] = []
        self._stated: Statement | None = None
        self._content: bytes | None = None
        self._intact_through = 0
        self._damage: str | None = None

    def take(self, read: ReadRecord) -> None:
        """The next record is counted, or compared. Raises `TallyFault` where nothing after it can be understood."""
        match read.record:
            case TallyEvent() as event:
                self.found.events += 1
                self._require_recomputation().add_event(event)
            case TallyVerdict() as verdict:
                self.found.verdicts += 1
                self._require_recomputation().add_verdict(verdict)
            case TallyCheckpoint() as checkpoint:
                self._checkpoint(checkpoint, read)
            case TallyHeader() as header:
                self._begin(header)
            case TallyDefinition() as definition:
                self._definitions.append(definition)
            case TallyEarlier() as earlier:
                self._earlier.append(earlier)
            case TallyStatement() as statement:
                self._state(statement)
            case TallyFailure() as failure:
                self._require_recomputation().failed += [failure.item] * failure.events
            case TallySeal() as seal:
                self._end(seal, read)

    def _begin(self, header: TallyHeader) -> None:
        self._header, found = header, self.found
        found.council, found.month, found.status = header.council, header.month, header.status
        found.number, found.rules_version = header.number, header.rules_version

    def _state(self, record: TallyStatement) -> None:
        """What the file states is read; what it is computed from comes after it."""
        header = self._require_header()
        self._content = bytes(record.content)
        sha256 = hashlib.sha256(self._content).hexdigest()
        self.found.statement_sha256 = sha256
        if sha256 != record.sha256:
            self.found.faults.append(
                f"the statement in the file has the SHA-256 {sha256}, and the file says {record.sha256}"
            )
        try:
            self._stated = statement_of(self._content)
        except UnreadableStatement as fault:
            self.found.faults.append(str(fault))
        else:
            self.found.total_pence = self._stated.payable_pence
            self.found.faults += _heading_faults(header, self._stated)

    def _require_header(self) -> TallyHeader:
        if self._header is None:
            raise TallyFault("the file does not begin with its heading")
        return self._header

    def _require_recomputation(self) -> TallyRecomputation:
        """What counts and rates again, by the definitions that have all been read by now."""
        if self._recomputed is None:
            if self._content is None:
                raise TallyFault("the file has no statement: a part of it was taken out")
            issued = self._stated.issued if self._stated else None
            self._recomputed = TallyRecomputation(self._require_header(), self._definitions, self._earlier, issued)
        return self._recomputed

    def _checkpoint(self, checkpoint: TallyCheckpoint, read: ReadRecord) -> None:
        before = read.number - 1
        if (checkpoint.sha256, checkpoint.lines) != (read.sha256_before, before) and self._damage is None:
            self._damage = self._changed_before(read.number)
        if self._damage is None:
            self._intact_through = read.number

    def _changed_before(self, number: int) -> str:
        first = self._intact_through + 1
        return f"something in lines {first:,} to {number:,} was changed after the file was made"

    def _end(self, seal: TallySeal, read: ReadRecord) -> None:
        recomputed, found = self._require_recomputation(), self.found
        recomputed.end()
        found.lines, found.tally_sha256, found.previous_sha256 = seal.lines, seal.tally_sha256, seal.previous_sha256
        found.faults = [*recomputed.faults(self._stated), *self._compared(recomputed), *found.faults][:MOST_FAULTS]
        found.notes += recomputed.notes
        if seal.statement_sha256 != found.statement_sha256:
            found.faults.append(
                f"the seal is of a statement with the SHA-256 {seal.statement_sha256}, and the one in the file has "
                f"{found.statement_sha256}"
            )
        if self._damage is None and (seal.tally_sha256, seal.lines) != (read.sha256_before, read.number - 1):
            self._damage = self._changed_before(read.number)
        found.faults += [self._damage] if self._damage else []
        found.faults += _chain_faults(seal, self._stated.issued if self._stated else None)
        self._require_signature(self._require_header(), seal)

    def _compared(self, recomputed: TallyRecomputation) -> Iterator[str]:
        try:
            stated: dict[str, Any] = msgspec.json.decode(self._content or b"", type=dict[str, Any])
            if codec.canonical_json(stated) != self._content:
                yield "the statement in the file is not in canonical form: it was changed, or made by something else"
                return
            again = recomputed.statement_like(self._stated)
            if again is not None:
                yield from differences(*recomputed.comparable(stated, again))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError, AttributeError):
            yield "the statement in the file is none that could be compared: it was changed, or made by something else"

    def _require_signature(self, header: TallyHeader, seal: TallySeal) -> None:
        found = self.found
        if seal.signature is None or seal.key is None:
            if header.number is not None or seal.key is not None or seal.signature is not None:
                found.faults.append("the file is of an issued statement, and its seal has no signature")
            else:
                found.notes.append("This is a draft, which nobody has signed: it can change until it is issued.")
            return
        try:
            found.signed_by = signer_of(header, seal, self._keys)
            found.is_key_given = bool(self._keys)
        except (NotAKey, NotSigned) as fault:
            found.faults.append(f"the seal is not the provider's: {fault}")


def signer_of(header: TallyHeader, seal: TallySeal, keys: Sequence[SealingKey]) -> str:
    """The id of the key that signed the seal: one of `keys`, or the seal's own where none is given.

    Raises `NotSigned` and `NotAKey`.
    """
    (own,) = read_public_keys(msgspec.json.encode(seal.key).decode())
    if public_jwk(own) != seal.key:
        raise NotSigned("the key in the seal is not written as one")
    kid = require_signed(signed_content(header, seal), seal.signature or "", keys or (own,), type_=SEAL_TYPE)
    if kid != own.kid:
        raise NotSigned("the seal has another key than the one that signed it")
    return kid


def _heading_faults(header: TallyHeader, stated: Statement) -> Iterator[str]:
    number = stated.issued.number if stated.issued else None
    pairs = (
        ("council", header.council, stated.council.id),
        ("month", header.month, str(stated.month)),
        ("status", header.status, stated.status),
        ("number", header.number, number),
    )
    for name, mine, theirs in pairs:
        if mine != theirs:
            yield f"the file says that it is of {name} {mine}, and its statement has {theirs}"


def _chain_faults(seal: TallySeal, issued: Issued | None) -> Iterator[str]:
    previous = None if issued is None or issued.previous is None else issued.previous.sha256
    if issued is not None and previous != seal.previous_sha256:
        yield f"the seal names {seal.previous_sha256} as the document before, and the statement names {previous}"
