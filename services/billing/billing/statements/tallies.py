"""The tally of a council's month, from one snapshot of the store. Calls block."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import IO

from billing.domain.canonical import canonical_json
from billing.domain.issued import Issued
from billing.domain.metering import EventReceived
from billing.domain.statement import NoAgreement, Statement, UnknownCouncil
from billing.domain.terms import Terms
from billing.domain.usage import metered_services
from billing.ports import Snapshot, SnapshotStore
from billing.statements.drafts import statement_in, status_of
from billing.tally.dependence import months_needed
from billing.tally.records import TOPIC_OF
from billing.tally.terms import definition_records
from billing.tally.writing import Signer, TallyContents, compressed, tally_lines
from shared.clock import Clock
from shared.contracts.meters import Meter
from shared.contracts.topics import REPLAYABLE_DAYS
from shared.period import Month
from shared.scope import Scope

_IN_MEMORY = 8 * 2**20


class Tallies:
    """Tallies of the statements as they are now; of issued ones with the seal of whoever issues."""

    def __init__(self, store: SnapshotStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def draft(self, council: str, month: Month, *, scope: Scope) -> IO[bytes]:
        """The tally of the month as it is now, in a file that is gone when it is closed; nobody has signed it.

        The snapshot ends here, however slowly it is read. Raises what `Statements.statement` raises.
        """
        status = status_of(month, self._clock)
        with self._store.snapshot(scope) as snapshot:
            statement = statement_in(snapshot, council, month, status)
            contents = contents_of(snapshot, statement, _earlier(snapshot, statement))
            return spooled(compressed(tally_lines(contents, None)))


def contents_of(snapshot: Snapshot, statement: Statement, earlier: Sequence[Statement]) -> TallyContents:
    """What the tally of the `statement` holds; `earlier` are the statements on which it depends, ascending.

    Of an issued one only what had been read when it was issued. Events and verdicts are read as they are written.
    """
    council, month, terms, issued = statement.council.id, statement.month, snapshot.terms, statement.issued
    events = snapshot.tally.events(month, council, since=_readings_since(terms, council, month))
    return TallyContents(
        council=council,
        month=month,
        status=statement.status,
        statement=canonical_json(statement),
        definitions=definition_records(terms, council),
        earlier=[(each.month, canonical_json(each)) for each in earlier],
        failed=snapshot.usage.failed_items(month, council),
        verdicts=snapshot.tally.verdicts(month, council, _agreements_with_credits(terms, council, month)),
        events=events if issued is None else _read_by_then(events, issued),
        number=None if issued is None else issued.number,
        previous_sha256=None if issued is None or issued.previous is None else issued.previous.sha256,
    )


def sealed_tally(
    snapshot: Snapshot, statement: Statement, earlier: Sequence[Statement], sign: Signer
) -> Iterator[bytes]:
    """The lines of an issued statement's tally; `snapshot` is the one that it was made of."""
    return tally_lines(contents_of(snapshot, statement, earlier), sign)


def spooled(chunks: Iterable[bytes]) -> IO[bytes]:
    """The chunks in a temporary file, at its beginning; small ones stay in memory."""
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (whoever reads it closes it)
    for chunk in chunks:
        file.write(chunk)
    file.seek(0)
    return file


def _earlier(snapshot: Snapshot, statement: Statement) -> list[Statement]:
    """Those of the months on which it depends, as they are now."""
    council, found = statement.council.id, []
    has_credits = statement.credits_pence > 0
    for month in months_needed(snapshot.terms, council, statement.month, has_credits=has_credits):
        with suppress(UnknownCouncil, NoAgreement):
            found.append(statement_in(snapshot, council, month, "provisional"))
    return found


def _readings_since(terms: Terms, council: str, month: Month) -> date:
    """A level that holds until the next reading may have been read long before the month."""
    meters = (service.counted_by for service in metered_services(terms, council, month))
    holds = any(isinstance(each, Meter) and each.aggregate == "time-weighted-average" for each in meters)
    return month.first_day - timedelta(days=REPLAYABLE_DAYS) if holds else month.first_day


def _agreements_with_credits(terms: Terms, council: str, month: Month) -> list[str]:
    agreements = (version.definition for version in terms.agreements_in(council, month))
    return [each.id for each in agreements if each.credits is not None]


def _read_by_then(events: Iterable[EventReceived], issued: Issued) -> Iterator[EventReceived]:
    through: Mapping[tuple[str, int], int] = {
        (each.topic, each.partition): each.next_offset for each in issued.read_through
    }
    for event in events:
        if event.offset < through.get((TOPIC_OF[event.stream], event.partition), 0):
            yield event
