"""The other half of the stick: a council signs, with a key of its own, what it was given and has checked.

From then on a chain that was written again, with every digest made again and another signature, is not the one that the
council acknowledged, whoever holds the provider's key.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from billing.tally.checking import Verification
from billing.tally.reading import TallyFault, tally_records
from billing.tally.records import Sha256, TallyHeader, TallyStatement
from shared.auth.sealing import (
    NotAKey,
    NotSigned,
    SealingKey,
    public_jwk,
    read_public_keys,
    require_signed,
    sign_detached,
)
from shared.contracts.scalars import Id, Instant, MonthText

FORMAT: Literal["tallystick-acknowledgement/1"] = "tallystick-acknowledgement/1"
SIGNED_TYPE = "tallystick-acknowledgement"
MAX_BYTES = 16_384
_GZIP = b"\x1f\x8b"


class Acknowledgement(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a council acknowledges of a statement, and its signature of the rest by the key with the public half `key`.

    `tally_sha256` is that of the tally that it has checked, `previous_sha256` that of its document before.
    """

    format: Literal["tallystick-acknowledgement/1"] = FORMAT
    council: Id
    month: MonthText
    number: Annotated[str, Meta(min_length=1, max_length=64)]
    statement_sha256: Sha256
    previous_sha256: Sha256 | None
    tally_sha256: Sha256
    acknowledged_at: Instant
    key: dict[str, str]
    signature: Annotated[str, Meta(max_length=2000)]


class NoAcknowledgement(ValueError):
    """The bytes are none, or its signature does not hold; the message says why, for people."""


class NothingToAcknowledge(Exception):
    """The tally is of a draft, or does not verify; the message says so."""


_encoder = msgspec.json.Encoder(order="sorted")


def acknowledge(found: Verification, key: SealingKey, at: datetime) -> Acknowledgement:
    """The acknowledgement of a verified tally, signed by the council's `key`. Raises `NothingToAcknowledge`."""
    if found.faults:
        raise NothingToAcknowledge(f"the tally does not verify: {found.faults[0]}")
    if found.number is None or found.signed_by is None:
        raise NothingToAcknowledge("the tally is of a draft, which can still change: acknowledge an issued statement")
    unsigned = Acknowledgement(
        council=found.council,
        month=found.month,
        number=found.number,
        statement_sha256=found.statement_sha256,
        previous_sha256=found.previous_sha256,
        tally_sha256=found.tally_sha256,
        acknowledged_at=at,
        key=public_jwk(key),
        signature="",
    )
    return replace(unsigned, signature=sign_detached(_content(unsigned), key, type_=SIGNED_TYPE))


def acknowledgement_bytes(acknowledgement: Acknowledgement) -> bytes:
    """Its file: canonical JSON and a line's end."""
    return _encoder.encode(acknowledgement) + b"\n"


def read_acknowledgement(content: bytes, keys: Sequence[SealingKey] = ()) -> Acknowledgement:
    """What a council signed, by one of `keys` where any are given, else by the key in it.

    Raises `NoAcknowledgement`.
    """
    if len(content) > MAX_BYTES:
        raise NoAcknowledgement(f"it is longer than {MAX_BYTES:,} bytes, which no acknowledgement is")
    try:
        found = msgspec.json.decode(content, type=Acknowledgement)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise NoAcknowledgement(f"it is no acknowledgement: {str(fault)[:200]}") from None
    if _encoder.encode(found) != content.rstrip(b"\r\n"):
        raise NoAcknowledgement("it is not written as acknowledgements are: it was changed, or something else wrote it")
    require_acknowledged(found, keys)
    return found


def require_acknowledged(found: Acknowledgement, keys: Sequence[SealingKey] = ()) -> None:
    """Raises `NoAcknowledgement` unless it is signed by one of `keys`; by the key in it where none are given."""
    try:
        (own,) = read_public_keys(msgspec.json.encode(found.key).decode())
        require_signed(_content(found), found.signature, keys or (own,), type_=SIGNED_TYPE)
    except (NotAKey, NotSigned) as fault:
        raise NoAcknowledgement(str(fault)) from None
    if public_jwk(own) != found.key:
        raise NoAcknowledgement("the key in it is not written as one")


def acknowledgement_faults(of: Acknowledgement, found: Verification) -> Iterator[str]:
    """Where the file is not what the council acknowledged."""
    pairs = (
        ("council", of.council, found.council),
        ("month", of.month, found.month),
        ("number", of.number, found.number),
        ("SHA-256 of the statement", of.statement_sha256, found.statement_sha256),
        ("SHA-256 of the document before", of.previous_sha256, found.previous_sha256),
        ("SHA-256 of the tally", of.tally_sha256, found.tally_sha256),
    )
    for name, acknowledged, is_now in pairs:
        if acknowledged != is_now:
            yield f"this is not what the council acknowledged: the {name} was {acknowledged}, and the file has {is_now}"


def previous_faults(path: Path, found: Verification) -> Iterator[str]:
    """Whether the document at `path`, a tally or a canonical file, is the one before. Raises `TallyFault`."""
    sha256 = document_sha256(path)
    if found.previous_sha256 is None:
        yield "the statement names no document before it, so that the one given is not it"
    elif sha256 != found.previous_sha256:
        yield (
            f"the chain is broken: the statement names the document before it by the SHA-256 {found.previous_sha256}, "
            f"and the one given has {sha256}"
        )


def document_sha256(path: Path) -> str:
    """The SHA-256 of the statement in a tally; of any other file, of its bytes. Raises `TallyFault`."""
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            file.seek(0)
            first = file.readline(4096)
            if b'"kind":"header"' not in first:
                file.seek(0)
                return hashlib.file_digest(file, "sha256").hexdigest()
    for read in tally_records(path):
        if isinstance(read.record, TallyStatement):
            return hashlib.sha256(bytes(read.record.content)).hexdigest()
        if read.number == 1 and not isinstance(read.record, TallyHeader):
            break
    raise TallyFault("the tally given as the one before has no statement in it")


def _content(of: Acknowledgement) -> bytes:
    """What is signed: all but the signature."""
    fields = msgspec.to_builtins(of)
    return _encoder.encode({name: value for name, value in fields.items() if name != "signature"})
