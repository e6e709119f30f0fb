"""An evidence file verified offline: what in it is not as it was sealed, or does not follow from the rest.

The seal finds any change of the file. Evaluating again finds what another seal would hide: a verdict that does not
follow from the facts, versions and exclusions beside it.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from shared.contracts.codec import canonical_json
from shared.contracts.definitions import Agreement, Calendar
from shared.contracts.scalars import Stream
from sla_monitor.domain.clock.verdict import Evaluation, evaluate
from sla_monitor.domain.evidence import (
    FACT_KINDS,
    FORMAT,
    AnyRecord,
    ExclusionRecord,
    FailedRecord,
    Heading,
    ItemRecord,
    Seal,
    VerdictRecord,
    VersionRecord,
    seal_of,
    verdict_records,
)
from sla_monitor.domain.facts import AnyFact, history
from sla_monitor.domain.versions import KnownVersion, VersionHistory

_TOTALS = ("counted_s", "paused_s", "closed_s")
_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


class VerificationResult(Struct, frozen=True):
    """How much was evaluated again, and all faults: none means that every verdict follows.

    `failed_items` were not judged when the file was made, and have no verdict in it. `file_sha256` is that of the whole
    file, `seal_sha256` that of the lines before the seal, as the seal must have it.
    """

    heading: Heading | None
    items: int
    verdicts: int
    file_sha256: str
    seal_sha256: str
    faults: list[str]
    failed_items: list[str] = []


class _Unreadable(ValueError):
    """A line is no record of an evidence file."""


class _Evidence(Struct):
    """The records of a file, by kind."""

    headings: list[Heading] = []
    known: list[KnownVersion] = []
    exclusions: list[ExclusionRecord] = []
    items: list[ItemRecord] = []
    verdicts: dict[tuple[Stream, str], list[VerdictRecord]] = {}
    failed: list[str] = []


def verify(raw: bytes) -> VerificationResult:
    """Whether the file is as it was sealed, and whether its verdicts follow from what it holds."""
    file_sha256 = hashlib.sha256(raw).hexdigest()
    *lines, last = raw.removesuffix(b"\n").split(b"\n")
    faults = [*_seal_faults(raw, lines, last)]
    seal_sha256 = seal_of(lines).sha256
    evidence = _Evidence()
    for number, line in enumerate(lines, start=1):
        try:
            _add(evidence, _record(line))
        except _Unreadable as fault:
            faults.append(f"line {number} is no record: {fault}")
    if [heading.format for heading in evidence.headings] != [FORMAT]:
        faults.append(f"expected one heading of the format {FORMAT}")
        return VerificationResult(None, 0, 0, file_sha256, seal_sha256, faults)
    heading = evidence.headings[0]
    faults += _verdict_faults(heading, evidence)
    count = sum(len(records) for records in evidence.verdicts.values())
    return VerificationResult(heading, len(evidence.items), count, file_sha256, seal_sha256, faults, evidence.failed)


def _seal_faults(raw: bytes, lines: Sequence[bytes], last: bytes) -> Iterator[str]:
    try:
        seal = _record(last)
    except _Unreadable as fault:
        yield f"line {len(lines) + 1}, the seal, cannot be read: {fault}"
        return
    if not isinstance(seal, Seal):
        yield f"line {len(lines) + 1} is not the seal: the file was cut or added to"
        return
    if canonical_json(seal) != last or not raw.endswith(b"\n"):
        yield f"line {len(lines) + 1}, the seal, is not written as it was"
    found = seal_of(lines)
    if len(seal.lines) != len(lines):
        yield f"expected {len(seal.lines)} lines before the seal, got {len(lines)}"
    for number, (was, now) in enumerate(zip(seal.lines, found.lines, strict=False), start=1):
        if was != now:
            yield f"line {number} is not what was sealed"
    if found.sha256 != seal.sha256:
        yield f"the file is not what was sealed: expected SHA-256 {seal.sha256}, got {found.sha256}"


def _record(line: bytes) -> AnyRecord:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _Unreadable(str(fault)) from fault


def _add(evidence: _Evidence, record: AnyRecord) -> None:
    match record:
        case Heading():
            evidence.headings.append(record)
        case VersionRecord(known_from=position, version=version):
            evidence.known.append(KnownVersion(position, version, _definition(record)))
        case ExclusionRecord():
            evidence.exclusions.append(record)
        case ItemRecord():
            evidence.items.append(record)
        case VerdictRecord():
            evidence.verdicts.setdefault((record.verdict.stream, record.item), []).append(record)
        case FailedRecord(item=item):
            evidence.failed.append(item)
        case Seal():
            raise _Unreadable("a seal before the end")


def _definition(record: VersionRecord) -> Agreement | Calendar:
    """What the version says; raises `_Unreadable` where it says nothing, or two things."""
    if record.agreement is not None and record.calendar is None:
        return record.agreement
    if record.calendar is None or record.agreement is not None:
        raise _Unreadable("expected an agreement or a calendar")
    return record.calendar


def _verdict_faults(heading: Heading, evidence: _Evidence) -> Iterator[str]:
    versions = VersionHistory(evidence.known)
    unproved = dict(evidence.verdicts)
    for record in evidence.items:
        item = f"{record.stream} {record.item}"
        try:
            evaluation = _evaluation(heading, record, evidence, versions)
        except (ValueError, LookupError, ArithmeticError, OSError) as fault:
            # What was tampered with may be an instant that no calendar covers, or name what is not in the file.
            yield f"{item} cannot be evaluated: {fault}"
            continue
        found = list(verdict_records(record.item, evaluation, month=heading.month, as_of=record.as_of))
        yield from _differences(item, unproved.pop((record.stream, record.item), []), found)
    for stream, name in unproved:
        yield f"{stream} {name}: a verdict without its facts"


def _evaluation(heading: Heading, record: ItemRecord, evidence: _Evidence, versions: VersionHistory) -> Evaluation:
    return evaluate(
        history(_fact(fields) for fields in record.facts),
        council=heading.council,
        stream=record.stream,
        item=record.item,
        agreement_index=versions.agreement_index(known_to=record.known_to),
        exclusions=[each.exclusion for each in evidence.exclusions],
        as_of=record.as_of,
    )


def _fact(written: dict[str, Any]) -> AnyFact:
    """The fact of these fields and kind; raises `_Unreadable`."""
    fields = dict(written)
    kind = FACT_KINDS.get(str(fields.pop("fact", "")))
    if kind is None or fields.keys() != set(kind.__struct_fields__):
        raise _Unreadable("a fact of no known kind, or not with its fields")
    values = [kind.__struct_config__.tag, *(fields[name] for name in kind.__struct_fields__)]
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as fault:
        raise _Unreadable(f"a fact that does not hold what it should: {fault}") from fault


def _differences(item: str, written: Sequence[VerdictRecord], found: Sequence[VerdictRecord]) -> Iterator[str]:
    """The verdicts in the file compared with those that follow from it, one by one."""
    recorded, follows = {_name(each): each for each in written}, {_name(each): each for each in found}
    if len(recorded) < len(written):
        yield f"{item}: a verdict is written twice"
    for name in sorted(recorded.keys() | follows.keys()):
        one, other = recorded.get(name), follows.get(name)
        if one is None or other is None:
            yield f"{item}, {name}: {'is not written' if one is None else 'does not follow from the facts'}"
        elif one != other:
            yield f"{item}, {name}: {_field_differences(one, other)}"


def _name(record: VerdictRecord) -> str:
    return f"{record.verdict.agreement}/{record.verdict.target}/{record.verdict.cycle}"


def _field_differences(written: VerdictRecord, follows: VerdictRecord) -> str:
    """Field by field, what is written and what follows."""
    one, other = (
        msgspec.to_builtins(record.verdict) | {name: getattr(record, name) for name in _TOTALS}
        for record in (written, follows)
    )
    return "; ".join(
        f"{name} is written as {one.get(name)}, and follows as {other.get(name)}"
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    )
