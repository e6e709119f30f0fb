"""A small tally of every kind of record, made without a database; and tallies that somebody has changed."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
from joserfc.jwk import OKPKey
from msgspec.structs import replace as changed

from billing.domain.canonical import canonical_json
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.issued import DocumentRef, Issued, ReadThrough
from billing.domain.metering import EventReceived, fact_of
from billing.domain.statement import Statement, build_statement
from billing.domain.terms import Terms
from billing.domain.verdicts import VerdictReceived, verdict_of
from billing.tally.checking import SEAL_TYPE
from billing.tally.recomputing import group_of
from billing.tally.records import (
    TallyBasis,
    TallyCheckpoint,
    TallyFailure,
    TallyHeader,
    TallyRecord,
    TallySeal,
    TallyStatement,
    decoder,
    encoded,
    verdict_record,
)
from billing.tally.recount import Recount
from billing.tally.terms import definition_records
from billing.tally.writing import RECORDS_A_CHECKPOINT, Signer, TallyContents, signed, tally_lines
from shared.auth.sealing import SealingKey, public_jwk, read_private_key, sign_detached
from shared.contracts.codec import AnyEvent
from shared.contracts.topics import TICKETS, USAGE, WORK
from shared.period import Month
from tests.support.credits import agreement_with_credits, breached, credit, met, target
from tests.support.recharges import (
    ASHBY,
    GRADUATED,
    adjusted,
    completed,
    opened,
    received,
    reclassified,
    recorded,
    resolved,
    reversed_,
    standing,
    tariff,
    terms,
    unit,
    withdrawn,
)

MAY = Month(2026, 5)
TARIFFS = (
    tariff(GRADUATED),
    tariff(unit("4.42"), standing("100.00"), service="payroll"),
    tariff(unit("2.50"), service="ict"),
)
_DAYS = [f"2026-05-{day:02}T09:30:00+00:00" for day in range(1, 32)]
ISSUED = Issued(
    number="2026-27.0002",
    provider="joint-services",
    issued_on=date(2026, 6, 8),
    due_on=date(2026, 7, 8),
    cut_off=datetime(2026, 6, 5, 16, 30, tzinfo=UTC),
    previous=DocumentRef("2026-27.0001", hashlib.sha256(b"the statement of April").hexdigest()),
    read_through=tuple(ReadThrough(topic.name, 0, 100_000) for topic in (TICKETS, USAGE, WORK)),
)


def key_of(seed: int) -> SealingKey:
    """A private key that is the same in every run."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32))
    return read_private_key(msgspec.json.encode(key.as_dict(private=True)).decode())


PROVIDERS, STRANGERS, COUNCILS = key_of(1), key_of(2), key_of(3)


def signer(key: SealingKey) -> Signer:
    """What seals by the key."""
    return lambda content: (public_jwk(key), sign_detached(content, key, type_=SEAL_TYPE))


def known_terms() -> Terms:
    """What is agreed: three tariffs, and a credit for late responses."""
    agreed = agreement_with_credits(
        target("ict-response"), credits=[credit("ict-response")], tariffs=tuple(each.id for each in TARIFFS)
    )
    return terms(agreed, tariffs=TARIFFS)


def sent() -> Iterator[AnyEvent]:
    """A month of events: readings, work and tickets; some are reversed, adjusted, reclassified or withdrawn."""
    for number, at in enumerate(_DAYS):
        yield recorded(f"r-{number}", at, str(100 + number))
        yield received(f"w-{number}", at)
        yield completed(f"w-{number}", f"{at[:10]}T15:00:00+00:00", units="2")
        yield opened(f"t-{number}", at)
        yield resolved(f"t-{number}", f"{at[:10]}T16:00:00+00:00")
    yield reversed_("r-3", _DAYS[9])
    yield adjusted("r-4", _DAYS[9], "-2.5")
    yield adjusted("r-nobody-has", _DAYS[9], "7")
    yield reclassified("w-5", f"{_DAYS[5][:10]}T12:00:00+00:00", service="ict")
    untrue = completed("w-6", f"{_DAYS[6][:10]}T12:00:00+00:00", units="9", id="w-6-twice")
    yield untrue
    yield withdrawn(untrue, _DAYS[20])
    yield recorded("after", "2026-06-02T09:00:00+00:00", "5000")


def events() -> list[EventReceived]:
    """The rows that they are, in the order of a tally."""
    facts = [fact_of(event, partition=0, offset=offset) for offset, event in enumerate(sent())]
    rows = [fact for fact in facts if isinstance(fact, EventReceived) and fact.item != "after"]
    return sorted(rows, key=_place)


def verdicts() -> list[VerdictReceived]:
    """Of thirty tickets two were answered late."""
    found = [verdict_of((breached if number in (4, 17) else met)(f"t-{number:02}"), number) for number in range(30)]
    return [each for each in found if each is not None]


def statement(*, is_issued: bool = True) -> Statement:
    """What follows from all that."""
    recount = Recount(MAY)
    groups: dict[tuple[str | None, ...], list[EventReceived]] = {}
    for event in events():
        groups.setdefault(group_of(event), []).append(event)
    for group in groups.values():
        (recount.add_reading if group[0].stream == "usage" else recount.add_item)(group)
    attained = TargetAttainment(28, 30, 0, 0, agreement=verdicts()[0].agreement, service="ict", target="ict-response")
    made = build_statement(
        known_terms(), ASHBY.id, MAY, recount.usage(), attained=[attained], failed=["w-lost", "w-lost"]
    )
    return replace(made, status="issued", issued=ISSUED) if is_issued else made


def basis() -> Iterator[TallyBasis]:
    """Definitions, failures and verdicts."""
    yield from definition_records(known_terms(), ASHBY.id)
    yield TallyFailure(item="w-lost", events=2)
    yield from map(verdict_record, verdicts())


def contents(*, is_issued: bool = True) -> TallyContents:
    """The tally before it is sealed."""
    made = statement(is_issued=is_issued)
    return TallyContents(
        council=ASHBY.id,
        month=MAY,
        status=made.status,
        rules_version=made.rules_version,
        statement=canonical_json(made),
        basis=basis(),
        events=events(),
        number=ISSUED.number if is_issued else None,
        previous_sha256=ISSUED.previous.sha256 if is_issued and ISSUED.previous else None,
    )


def lines(*, is_issued: bool = True) -> list[bytes]:
    """The sealed tally, each line with its end."""
    return list(tally_lines(contents(is_issued=is_issued), signer(PROVIDERS) if is_issued else None))


def written(found: Iterable[bytes], folder: Path, name: str = "tally.jsonl") -> Path:
    """The lines in a plain file, which is verified as a compressed one is."""
    path = folder / name
    path.write_bytes(b"".join(found))
    return path


def resealed(
    found: Sequence[bytes], edit: Callable[[TallyRecord], TallyRecord | None], key: SealingKey | None
) -> list[bytes]:
    """The tally with each record edited (None: left out), and every digest made again; signed by `key`.

    Without a key the signature is the one that was there.
    """
    records = [decoder().decode(line) for line in found]
    kept = [each for record in records if (each := edit(record)) is not None]
    digest = hashlib.sha256()
    made: list[bytes] = []
    for record in _with_checkpoints(kept):
        line = encoded(_digested(record, digest.hexdigest(), len(made)))
        if isinstance(record, TallySeal):
            line = encoded(_sealed_again(kept, record, digest.hexdigest(), len(made), key))
        made.append(line + b"\n")
        digest.update(made[-1])
    return made


def with_statement(record: TallyRecord, edit: Callable[[dict[str, Any]], None]) -> TallyRecord:
    """A statement record whose content somebody has edited, with its hash made again; any other as it is."""
    if not isinstance(record, TallyStatement):
        return record
    read = msgspec.json.decode(record.content)
    edit(read)
    content = msgspec.json.encode(read, order="sorted")
    return TallyStatement(sha256=hashlib.sha256(content).hexdigest(), content=msgspec.Raw(content))


def _with_checkpoints(records: Sequence[TallyRecord]) -> Iterator[TallyRecord]:
    since = 0
    for record in records:
        if isinstance(record, TallyCheckpoint):
            continue
        if since == RECORDS_A_CHECKPOINT and not isinstance(record, TallySeal):
            yield TallyCheckpoint(lines=0, sha256="0" * 64)
            since = 0
        yield record
        since += 1


def _digested(record: TallyRecord, sha256: str, count: int) -> TallyRecord:
    return TallyCheckpoint(lines=count, sha256=sha256) if isinstance(record, TallyCheckpoint) else record


def _sealed_again(
    records: Sequence[TallyRecord], seal: TallySeal, sha256: str, count: int, key: SealingKey | None
) -> TallySeal:
    header = next(each for each in records if isinstance(each, TallyHeader))
    content = next(each for each in records if isinstance(each, TallyStatement))
    again = changed(seal, lines=count, tally_sha256=sha256, statement_sha256=content.sha256)
    return signed(header, again, None if key is None else signer(key))


def _place(event: EventReceived) -> tuple[Any, ...]:
    origin = event.origin
    if event.stream != "usage":
        return 0, event.stream, event.item, origin.at_us, origin.place, origin.source, origin.id
    if event.target_id is None:
        return 1, origin.source, origin.id, 0
    return 1, event.target_source, event.target_id, 1, origin.at_us, origin.source, origin.id
