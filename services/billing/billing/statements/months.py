"""A council's months as they come to now, each computed once for the state of the store that it follows from.

A statement depends on earlier months: by a year's cap on credits, a yearly price, a plan. A page compares thirteen
months, and a close looks at each again and again. Most months never change, so each is kept until what it follows from
does: the catalogue, the council's events up to that month, its verdicts, its failed items.
"""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Protocol

from billing.domain.canonical import canonical_json
from billing.domain.corrections import BookedAmount, MonthInputs, bookings_of, statement_from
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.rating.pipeline import LineFailed
from billing.domain.sealed import statement_of
from billing.domain.statement import (
    NoAgreement,
    Statement,
    Status,
    UnknownCouncil,
    counts_points,
    earlier_months,
    needs_its_year,
    require_agreement,
)
from billing.domain.terms import Terms
from billing.ports import MonthChange, Snapshot, StoredDocument
from billing.statements.inputs import inputs_of
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, VERDICTS, WORK, Topic
from shared.log.failures import CodeFailure, attempt
from shared.log.port import Shard
from shared.period import Month

_Missing = UnknownCouncil | NoAgreement | LineFailed
InputsOf = Callable[[Month], MonthInputs]
_Positions = tuple[tuple[Shard, int], ...]


class StatementFailed(Exception):
    """Tallystick failed to compute the council's statement of the month; the message says where."""

    def __init__(self, council: str, month: Month, why: str) -> None:
        super().__init__(f"the statement of {council} for {month} could not be computed: {why}")
        self.council, self.why = council, why


class StatementBuilder(Protocol):
    """Makes a month's statement, given earlier ones. Raises `UnknownCouncil`, `NoAgreement`, `StatementFailed`."""

    def __call__(self, month: Month, earlier: Sequence[Statement] = (), status: Status = "draft") -> Statement:
        """The month, without corrections."""
        ...


class CouncilMonths:
    """The months of one council in one snapshot, without corrections, by all that the snapshot has."""

    def __init__(self, snapshot: Snapshot, council: str) -> None:
        self._snapshot, self._council = snapshot, council
        self._attained: dict[Month, tuple[TargetAttainment, ...]] = {}
        self._inputs: dict[Month, MonthInputs] = {}

    def statement(self, month: Month, status: Status) -> Statement:
        """The month by now. Raises as `StatementBuilder`."""
        return statement_made_of(self._snapshot.terms, self._council, month, status, self.build)

    def bookings(self, month: Month) -> tuple[BookedAmount, ...]:
        """What the month books by now, line by line. Raises as `StatementBuilder`."""
        statement, question = self.statement(month, "draft"), ("bookings", self._council, month)
        return self._snapshot.memo.get(question, statement, lambda: tuple(bookings_of(statement)))

    def earlier(self, month: Month) -> list[Statement]:
        """The earlier months on which the month may depend, ascending. Raises `StatementFailed`."""
        return _earlier_made_of(self._snapshot.terms, self._council, month, self.build)

    def build(self, month: Month, earlier: Sequence[Statement] = (), status: Status = "draft") -> Statement:
        """As `StatementBuilder`; computed only where it is not known of this state."""
        terms, council = self._snapshot.terms, self._council
        require_agreement(terms, council, month)  # outside the scope nothing is found, whatever is known
        months = (*(each.month for each in earlier), month)

        def computed() -> Statement:
            return _built(terms, council, month, self._inputs_of(month), earlier, status=status)

        state = self._state(months)
        if state is None:
            return computed()
        return self._snapshot.memo.get(("month", council, months, status), state, computed)

    def _inputs_of(self, month: Month) -> MonthInputs:
        """Read once, and kept no longer than this: there may be a million events in it."""
        if month not in self._inputs:
            self._inputs = {month: inputs_of(self._snapshot, self._council, month)}
        return self._inputs[month]

    def events_state(self, through: Month) -> Hashable | None:
        """All events and verdicts from which the months up to that follow, and in which terms; None if not known."""
        if not self._catalogue:
            return None
        failed = tuple((month, *items) for month, items in sorted(self._failed.items()))
        return self._catalogue, self._changes_through(through), self._verdicts, failed

    def _state(self, months: Sequence[Month]) -> Hashable | None:
        """All that the ascending `months` follow from; None where the catalogue's position is not known."""
        if not self._catalogue:
            return None
        attained = tuple(self._attainment(month) for month in months)
        failed = tuple(tuple(self._failed.get(month, ())) for month in months)
        return self._catalogue, self._changes_through(months[-1]), attained, failed

    def _changes_through(self, month: Month) -> tuple[MonthChange, ...]:
        return tuple(each for each in self._changes if each.month is None or each.month <= month)

    @cached_property
    def _catalogue(self) -> _Positions:
        return _positions(self._snapshot, CATALOGUE)

    @cached_property
    def _verdicts(self) -> _Positions:
        return _positions(self._snapshot, VERDICTS)

    @cached_property
    def _changes(self) -> Sequence[MonthChange]:
        """Read again only where anything came in about any council."""
        events = _positions(self._snapshot, TICKETS, WORK, USAGE)
        read = self._snapshot.usage.changes
        return self._snapshot.memo.get(("changes", self._council), events, lambda: read(self._council))

    @cached_property
    def _failed(self) -> dict[Month, list[str]]:
        return self._snapshot.usage.failed_by_month(self._council)

    def _attainment(self, month: Month) -> tuple[TargetAttainment, ...]:
        """What the month's verdicts come to; read again only where any verdict came in."""
        if month not in self._attained:
            read, question = self._snapshot.verdicts.attainment, ("attained", self._council, month)
            found = self._snapshot.memo.get(question, self._verdicts, lambda: tuple(read(month, self._council)))
            self._attained[month] = found
        return self._attained[month]


def issued_statement(snapshot: Snapshot, document: StoredDocument) -> Statement:
    """The statement that was issued as `document`, which never changes."""
    question = "issued-statement", document.sha256
    return snapshot.memo.get(question, None, lambda: statement_of(document.content))


def statement_bytes(snapshot: Snapshot, statement: Statement) -> bytes:
    """Its canonical bytes; looked at again, the same statement is not written out again."""
    question = "bytes", statement.council.id, statement.month, statement.status
    return snapshot.memo.get(question, statement, lambda: canonical_json(statement))


def statement_hash(snapshot: Snapshot, statement: Statement) -> str:
    """The SHA-256 of its canonical bytes, in hexadecimal."""
    return hashlib.sha256(statement_bytes(snapshot, statement)).hexdigest()


def statement_made_of(terms: Terms, council: str, month: Month, status: Status, build: StatementBuilder) -> Statement:
    """The month, and where it depends on them earlier months, each made by `build`; without corrections."""
    if not needs_its_year(terms, council, month) and not counts_points(terms, council, month):
        alone = build(month, status=status)
        if not alone.credits_pence:
            return alone  # no year's cap can reduce it
    return build(month, _earlier_made_of(terms, council, month, build), status)


def built_from(terms: Terms, council: str, inputs_of: InputsOf) -> StatementBuilder:
    """Makes each month from `inputs_of` it; those of the last one are not asked for again."""
    last = lru_cache(maxsize=1)(inputs_of)

    def build(month: Month, earlier: Sequence[Statement] = (), status: Status = "draft") -> Statement:
        return _built(terms, council, month, last(month), earlier, status=status)

    return build


def _earlier_made_of(terms: Terms, council: str, month: Month, build: StatementBuilder) -> list[Statement]:
    earlier: list[Statement] = []
    for before in earlier_months(terms, council, month):
        with suppress(UnknownCouncil, NoAgreement):
            earlier.append(build(before, earlier))
    return earlier


def _built(
    terms: Terms, council: str, month: Month, inputs: MonthInputs, earlier: Iterable[Statement], *, status: Status
) -> Statement:
    def build() -> Statement | _Missing:
        try:
            return statement_from(terms, council, month, inputs, earlier=tuple(earlier), status=status)
        except (UnknownCouncil, NoAgreement, LineFailed) as missing:
            return missing

    # Nothing is read within: a failure is of this statement alone.
    match attempt(build):
        case Statement() as statement:
            return statement
        case CodeFailure() as failure:
            raise StatementFailed(council, month, f"a bug in Tallystick, {failure}")
        case LineFailed() as line:
            raise StatementFailed(council, month, str(line))
        case missing:
            raise missing


def _positions(snapshot: Snapshot, *topics: Topic) -> _Positions:
    """How far each partition of the topics has been read."""
    names = {topic.name for topic in topics}
    return tuple(sorted((shard, at) for shard, at in snapshot.positions.items() if shard.topic in names))
