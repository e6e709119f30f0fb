"""Evidence: a council's month as one file that anybody can verify, of versions, exclusions, facts, verdicts and a seal.

Canonical JSON, one record a line. The last line is the seal: the SHA-256 of all lines before it, and the beginning of
each line's own, by which a line that was altered can be named. `verification` reads such a file without any state.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from shared.contracts.codec import canonical_json
from shared.contracts.definitions import Agreement, Calendar
from shared.contracts.scalars import Stream
from shared.contracts.verdicts import VerdictData
from sla_monitor.domain.announcements import counted_month, verdict_data
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.trace import totals, trace
from sla_monitor.domain.clock.verdict import Evaluation, Verdict
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.versions import KnownVersion

FORMAT = "tallystick-evidence-1"
# Enough of a line's digest to name the line by; the seal of the whole is complete.
LINE_DIGEST_CHARS = 16


class NoSuchCouncil(LookupError):
    """Nothing of the council is known, or nothing that the caller may see."""


class VerdictsChanging(Exception):
    """Something of the month is being judged at this moment: what holds is not yet what was published."""


class EvidenceRecord(Struct, frozen=True, kw_only=True, tag_field="record", forbid_unknown_fields=True):
    """One line."""


class Heading(EvidenceRecord, frozen=True, kw_only=True, tag="heading"):
    """Whose month it is, and when the file was made."""

    format: str
    council: str
    month: str
    made_at: datetime


class VersionRecord(EvidenceRecord, frozen=True, kw_only=True, tag="version"):
    """A version of an agreement or a calendar; `known_from` orders what became known when."""

    known_from: int
    version: int
    agreement: Agreement | None = None
    calendar: Calendar | None = None


class ExclusionRecord(EvidenceRecord, frozen=True, kw_only=True, tag="exclusion"):
    """Time that both sides agreed not to count, in epoch seconds."""

    exclusion: ExcludedTime


class ItemRecord(EvidenceRecord, frozen=True, kw_only=True, tag="item"):
    """The facts of an item, each by its kind and fields, and when it is evaluated: `as_of` (epoch seconds)."""

    stream: Stream
    item: str
    as_of: int
    known_to: int
    facts: list[dict[str, Any]]


class VerdictRecord(EvidenceRecord, frozen=True, kw_only=True, tag="verdict"):
    """A verdict that counts in the month, with the seconds of its trace; it names the stream of its item."""

    item: str
    verdict: VerdictData
    counted_s: int
    paused_s: int
    closed_s: int


class FailedRecord(EvidenceRecord, frozen=True, kw_only=True, tag="failed"):
    """An item that Tallystick could not judge, with its facts: none of the month's verdicts is about it.

    `error` is the kind of failure, `place` where in Tallystick it came up.
    """

    item: str
    error: str
    place: str
    facts: list[dict[str, Any]]


class Seal(EvidenceRecord, frozen=True, kw_only=True, tag="seal"):
    """The digest of everything before it, and the beginning of each line's."""

    sha256: str
    lines: list[str]


AnyRecord = Heading | VersionRecord | ExclusionRecord | ItemRecord | VerdictRecord | FailedRecord | Seal
FACT_KINDS: dict[str, type[AnyFact]] = {kind.__name__: kind for kind in AnyFact.__args__}


def version_record(known: KnownVersion) -> VersionRecord:
    """The version as a line."""
    match known.definition:
        case Agreement() as agreement:
            return VersionRecord(known_from=known.position, version=known.version, agreement=agreement)
        case Calendar() as calendar:
            return VersionRecord(known_from=known.position, version=known.version, calendar=calendar)


def item_records(
    item: str,
    facts: Sequence[AnyFact],
    evaluation: Evaluation,
    *,
    month: str,
    as_of: int,
    known_to: int,
    otherwise: Evaluation | None = None,
) -> Iterator[ItemRecord | VerdictRecord]:
    """The item and its verdicts that count in the month; nothing where there are none.

    `otherwise` is what would hold, had nothing been withdrawn: an item that counted only then is shown, too.
    """
    verdicts = list(verdict_records(item, evaluation, month=month, as_of=as_of))
    if verdicts or (otherwise is not None and any(verdict_records(item, otherwise, month=month, as_of=as_of))):
        yield ItemRecord(
            stream=evaluation.stream,
            item=item,
            as_of=as_of,
            known_to=known_to,
            facts=[_fact_fields(fact) for fact in facts],
        )
        yield from verdicts


def failed_record(item: str, facts: Sequence[AnyFact], *, error: str, place: str) -> FailedRecord:
    """The item that could not be judged, as a line."""
    return FailedRecord(item=item, error=error, place=place, facts=[_fact_fields(fact) for fact in facts])


def verdict_records(item: str, evaluation: Evaluation, *, month: str, as_of: int) -> Iterator[VerdictRecord]:
    """The item's verdicts that count in the month, in order."""
    for verdict in evaluation.verdicts:
        if verdict.decided and counted_month(verdict) == month:
            yield _verdict_record(item, verdict, evaluation, as_of=as_of)


def sealed(records: Iterable[AnyRecord]) -> bytes:
    """The file: every record as a line, and the seal."""
    lines = [canonical_json(record) for record in records]
    return b"".join(line + b"\n" for line in (*lines, canonical_json(seal_of(lines))))


def seal_of(lines: Sequence[bytes]) -> Seal:
    """What seals these lines."""
    whole = hashlib.sha256(b"".join(line + b"\n" for line in lines))
    return Seal(
        sha256=whole.hexdigest(), lines=[hashlib.sha256(line).hexdigest()[:LINE_DIGEST_CHARS] for line in lines]
    )


def _fact_fields(fact: AnyFact) -> dict[str, Any]:
    return {"fact": type(fact).__name__, **msgspec.structs.asdict(fact)}


def _verdict_record(item: str, verdict: Verdict, evaluation: Evaluation, *, as_of: int) -> VerdictRecord:
    sums = totals(trace(verdict, as_of=as_of))
    return VerdictRecord(
        item=item,
        verdict=verdict_data(verdict, evaluation),
        counted_s=sums["counted"],
        paused_s=sums["paused"],
        closed_s=sums["closed"],
    )
