"""What a backfill would change, for people and for programs; its digest names exactly that."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256

from msgspec import Struct

from billing.dry_run import StatementDelta
from shared.contracts.codec import canonical_json
from shared.contracts.items import FactWithdrawn
from shared.contracts.usage import UsageReversed
from shared.log.flood import MAX_QUARANTINED
from shared.money import format_gbp
from shared.web.formats import counted
from sla_monitor.domain.verdict_changes import VerdictChanges
from tallystick.backfill.candidates import ROW, Candidate, Refusal

_SHOWN = 20
_NO_STATEMENT = "no statement"


class Changes(Struct, frozen=True):
    """What is approved, all of it: which events are sent, and what follows from them."""

    events: Mapping[str, int]
    events_sha256: str
    parked: int
    verdict_changes: VerdictChanges
    statement_deltas: Sequence[StatementDelta]

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: equal for two runs only if they would do the same."""
        return sha256(canonical_json(self)).hexdigest()


class BackfillReport(Struct, frozen=True):
    """The changes, and what of the file changes nothing: `known` already, or `refused`."""

    changes: Changes
    known: int
    refused: Sequence[Refusal]

    @property
    def new(self) -> int:
        """How many events would be sent."""
        return sum(self.changes.events.values())


def changes(
    new: Iterable[Candidate], *, parked: int, verdicts: VerdictChanges, statements: Sequence[StatementDelta]
) -> Changes:
    """The changes that `new` events make, in whatever order they are given."""
    kinds: Counter[str] = Counter()
    digests: list[bytes] = []
    for each in new:
        kinds[str(each.event.__struct_config__.tag)] += 1
        digests.append(sha256(_content(each)).digest())
    content = sha256(b"".join(sorted(digests)))
    return Changes(dict(sorted(kinds.items())), content.hexdigest(), parked, verdicts, tuple(statements))


def _content(each: Candidate) -> bytes:
    """What is approved of an event; of a withdrawal, whose time is that of its sending, its id says everything."""
    if isinstance(each.event, FactWithdrawn | UsageReversed):
        return f"{each.event.source} {each.event.id}".encode()
    return each.record.value or b""


def lines(report: BackfillReport) -> Iterator[str]:
    """The report as people read it: the events, then council by council, then the sums."""
    found = report.changes
    yield f"{counted(report.new, 'new event')}, {report.known:,} known already, {len(report.refused):,} refused"
    yield from (f"  {name}: {count:,}" for name, count in found.events.items())
    yield from _refusals(report.refused)
    if found.parked:
        yield f"{found.parked:,} of them would wait for an agreement that is not known: `tallystick quarantine parked`"
    for council in sorted({*found.verdict_changes.councils, *(each.council for each in found.statement_deltas)}):
        yield council
        yield from (f"  {line}" for line in found.verdict_changes.of(council))
        yield from statement_lines(found.statement_deltas, council)
    yield found.verdict_changes.sums
    yield recharge_total(found.statement_deltas)


def statement_lines(deltas: Sequence[StatementDelta], council: str) -> Iterator[str]:
    """The council's statements that would change, a line for each month."""
    yield from (f"  {_month(each)}" for each in deltas if each.council == council)


def recharge_total(deltas: Sequence[StatementDelta]) -> str:
    """By how much all councils' statements would change together."""
    return f"recharges: {_signed(sum(each.change_pence for each in deltas))}"


def _refusals(refused: Sequence[Refusal]) -> Iterator[str]:
    yield from (f"  {each.where}: {each.reason}: {each.detail}" for each in refused[:_SHOWN])
    if len(refused) > _SHOWN:
        yield f"  … and {len(refused) - _SHOWN:,} more; --json lists them all"
    if sum(each.reason != ROW for each in refused) > MAX_QUARANTINED:
        yield "  Refused events are not sent. So many would have halted a partition: look at the sender."


def _month(each: StatementDelta) -> str:
    credits = ""
    if each.credits_before_pence != each.credits_after_pence:
        before, after = format_gbp(each.credits_before_pence), format_gbp(each.credits_after_pence)
        credits = f"; service credits {before} → {after}"
    was, would_be = _total(each.before_pence), _total(each.after_pence)
    return f"{each.month}: {was} → {would_be} ({_signed(each.change_pence)}){credits}"


def _total(pence: int | None) -> str:
    return _NO_STATEMENT if pence is None else format_gbp(pence)


def _signed(pence: int) -> str:
    sign = "+" if pence > 0 else "−" if pence else ""
    return f"{sign}{format_gbp(abs(pence))}"
