"""The tally of a council's month: of what was issued with all that it stood on then, or of the draft. Calls block."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import IO

from billing.domain.canonical import canonical_json
from billing.domain.issued import Issued
from billing.domain.metering import EventReceived
from billing.domain.statement import Statement
from billing.domain.terms import Terms
from billing.domain.usage import metered_services
from billing.ports import Snapshot, SnapshotStore
from billing.statements.drafts import statement_in, status_of
from billing.statements.months import CouncilMonths, statement_bytes
from billing.tally.basis import kept, kept_records
from billing.tally.dependence import months_needed
from billing.tally.records import TOPIC_OF, TallyBasis, TallyFailure, earlier_record, verdict_record
from billing.tally.terms import definition_records
from billing.tally.writing import Signer, TallyContents, compressed, tally_lines
from shared.clock import Clock
from shared.contracts.meters import Meter
from shared.contracts.topics import REPLAYABLE_DAYS
from shared.period import Month
from shared.scope import Scope

_IN_MEMORY = 8 * 2**20


class Tallies:
    """Tallies as files. `signer` gives what issued ones are signed by; it raises where there is no key."""

    def __init__(self, store: SnapshotStore, clock: Clock, signer: Callable[[], Signer]) -> None:
        self._store, self._clock, self._signer = store, clock, signer

    def file(self, council: str, month: Month, *, scope: Scope) -> IO[bytes]:
        """The tally of the month's statement, in a file that is gone when it is closed; of a draft nobody signs it.

        The snapshot ends here, however slowly the file is sent. Raises what `Statements.statement` raises.
        """
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            statement = statement_in(snapshot, council, month, status)
            sign = None if statement.issued is None else self._signer()
            return _spooled(compressed(tally_lines(contents_of(snapshot, statement), sign)))


def contents_of(snapshot: Snapshot, statement: Statement) -> TallyContents:
    """What the tally of the `statement` holds. Events are read as they are written.

    Of an issued one only what had been read when it was issued, and what was kept then; where nothing was kept, for a
    database was lost since, what holds now.
    """
    council, month, issued = statement.council.id, statement.month, statement.issued
    stored = None if issued is None else snapshot.tally.kept(council, month)
    events = snapshot.tally.events(month, council, since=_readings_since(snapshot.terms, council, month))
    return TallyContents(
        council=council,
        month=month,
        status=statement.status,
        rules_version=statement.rules_version,
        statement=canonical_json(statement),
        basis=_basis_of(snapshot, statement) if stored is None else kept_records(stored),
        events=events if issued is None else _read_by_then(events, issued),
        number=None if issued is None else issued.number,
        previous_sha256=None if issued is None or issued.previous is None else issued.previous.sha256,
    )


def basis_to_keep(snapshot: Snapshot, statement: Statement) -> bytes:
    """What is kept with a statement that is issued: `snapshot` is the one that it was made of."""
    return kept(_basis_of(snapshot, statement))


def _basis_of(snapshot: Snapshot, statement: Statement) -> Iterator[TallyBasis]:
    council, month, terms = statement.council.id, statement.month, snapshot.terms
    yield from definition_records(terms, council)
    if months_needed(terms, council, month, statement.credits):
        for earlier in CouncilMonths(snapshot, council).earlier(month):
            yield earlier_record(earlier.month, statement_bytes(snapshot, earlier))
    failed = Counter(snapshot.usage.failed_items(month, council))
    yield from (TallyFailure(item=item, events=failed[item]) for item in sorted(failed))
    verdicts = snapshot.tally.verdicts(month, council, _agreements_with_credits(terms, council, month))
    yield from map(verdict_record, verdicts)


def _spooled(chunks: Iterable[bytes]) -> IO[bytes]:
    """The chunks in a temporary file, at its beginning; small ones stay in memory."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (whoever reads it closes it)
    for chunk in chunks:
        file.write(chunk)
    file.seek(0)
    return file


def _readings_since(terms: Terms, council: str, month: Month) -> date:
    """A level that holds until the next reading may have been read long before the month."""
    meters = (service.counted_by for service in metered_services(terms, council, month))
    holds = any(isinstance(each, Meter) and each.aggregate == "time-weighted-average" for each in meters)
    return month.first_day - timedelta(days=REPLAYABLE_DAYS) if holds else month.first_day


def _agreements_with_credits(terms: Terms, council: str, month: Month) -> list[str]:
    agreements = (version.definition for version in terms.agreements_in(council, month))
    return [each.id for each in agreements if each.credits is not None]


def _read_by_then(events: Iterable[EventReceived], issued: Issued) -> Iterator[EventReceived]:
    """Those that had been read when the statement was issued; all of them where it does not say."""
    through = {(each.topic, each.partition): each.next_offset for each in issued.read_through}
    for event in events:
        if not through or event.offset < through.get((TOPIC_OF[event.stream], event.partition), 0):
            yield event
