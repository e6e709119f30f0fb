"""The statement run as figures for operations, from one snapshot: how far it is, what is late, queried and held.

Every instance comes to the same figures, because all is read from the database. Calls block.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from billing.domain.amounts_due import amounts_due_of, holds
from billing.domain.differences import RecomputationResult
from billing.domain.lifecycle import LifecycleStatus
from billing.domain.queries import StatementQuery, queries_of
from billing.domain.sealed import statement_of
from billing.domain.statement import NoAgreement, Status, UnknownCouncil
from billing.domain.statement_run import (
    ExpectedStatement,
    StatementProgress,
    counts_by_status,
    expected_statements,
    progress_of,
    watched_months,
)
from billing.ports import Snapshot, SnapshotStore
from billing.statements.drafts import statement_in
from billing.statements.months import StatementFailed
from billing.statements.queries import QUERY_STEPS
from shared.clock import Clock
from shared.contracts.statements import (
    StatementApproved,
    StatementChecked,
    StatementReturned,
    StatementReviewOpened,
    StepEvent,
)
from shared.contracts.topics import CATALOGUE
from shared.log.port import Shard
from shared.period import LONDON, Month, month_of
from shared.scope import Scope

_UP_TO_ISSUE: tuple[type[StepEvent], ...] = (
    StatementReviewOpened,
    StatementChecked,
    StatementApproved,
    StatementReturned,
)
_CATALOGUE = Shard(CATALOGUE.name, 0)
# What a sum of the ledger cost is waited for so many times before the next one: a hundredth of one core at most.
_COST_FACTOR = 100
_Key = tuple[str, Month]  # a council's statement
_ByMonth = Mapping[Month, Sequence[StepEvent]]


@dataclass(frozen=True, slots=True)
class QueryFigures:
    """Of one council: its queries that are open, those of them that are overdue, and the pence held with their VAT."""

    open: int = 0
    overdue: int = 0
    held_pence: int = 0


@dataclass(frozen=True, slots=True)
class CouncilFigures:
    """Of one council: how many statements are late, and the longest for how long; how long one could have been issued.

    `differing` figures of what is not issued came out otherwise when they were last recomputed, by `difference_pence`.
    """

    late: int
    late_s: float
    issuable_s: float
    differing: int
    difference_pence: int
    queries: QueryFigures


@dataclass(frozen=True, slots=True)
class RunFigures:
    """How many statements of each month are in each state, and the figures of every council that is known."""

    statements: Mapping[tuple[Month, LifecycleStatus], int]
    councils: Mapping[str, CouncilFigures]


class StatementRun:
    """The run's figures by `clock`, over a worker's `store`."""

    def __init__(self, store: SnapshotStore, clock: Clock, *, elapsed: Callable[[], float] = monotonic) -> None:
        self._store, self._clock, self._elapsed = store, clock, elapsed
        self._ledger_pence, self._next_sum_at = 0, float("-inf")
        self._finished: dict[_Key, int] = {}

    def figures(self) -> RunFigures:
        """As everything is now. What is finished is read once: a sample takes what is open, not what ever was."""
        now = self._clock.now()
        with self._store.snapshot(Scope.all()) as snapshot:
            return figures_in(snapshot, now, self._finished)

    def ledger_pence(self) -> int:
        """What the ledger sums to: 0. It is asked again once a hundred times what the last sum took has passed."""
        began = self._elapsed()
        if began >= self._next_sum_at:
            with self._store.snapshot(Scope.all()) as snapshot:
                self._ledger_pence = snapshot.ledger.ledger_sum()
            ended = self._elapsed()
            self._next_sum_at = ended + _COST_FACTOR * (ended - began)
        return self._ledger_pence


def figures_in(snapshot: Snapshot, now: datetime, finished: dict[_Key, int]) -> RunFigures:
    """The figures of the snapshot at an instant.

    `finished` has the statements whose queries are closed and hold nothing, with how many steps they had: as long as
    they have no more, they are not looked at again. What was found so is added.
    """
    issued = snapshot.run.issued(watched_months(now)[0])
    progress = _progress(snapshot, issued, now)
    recomputed, queries = _unissued(snapshot, issued, now), _queries(snapshot, finished)
    return RunFigures(
        counts_by_status(progress),
        {
            council: _of_council(
                [each for each in progress if each.expected.council == council],
                [each for each in recomputed if each.council == council],
                _of_queries(snapshot, council, queries.get(council, {}), now, finished),
                now,
            )
            for council in snapshot.terms.councils.ids()
        },
    )


def _of_council(
    progress: Sequence[StatementProgress],
    recomputed: Sequence[RecomputationResult],
    queries: QueryFigures,
    now: datetime,
) -> CouncilFigures:
    late = [each.late_s(now) for each in progress]
    return CouncilFigures(
        late=sum(each > 0 for each in late),
        late_s=max(late, default=0.0),
        issuable_s=max((each.waiting_s(now) for each in progress), default=0.0),
        differing=sum(each.figures for each in recomputed),
        difference_pence=sum(each.pence for each in recomputed),
        queries=queries,
    )


def _progress(snapshot: Snapshot, issued: Collection[_Key], now: datetime) -> list[StatementProgress]:
    """How far each statement is of the months that are watched."""
    months = watched_months(now)
    taken: defaultdict[_Key, list[StepEvent]] = defaultdict(list)
    for step in snapshot.steps.of_types(_UP_TO_ISSUE, since=months[0]):
        taken[step.council, Month.parse(step.data.month)].append(step)
    expected = [each for month in months for each in _expected(snapshot, month)]
    keys = [(each.council, each.month) for each in expected]
    return [progress_of(each, taken[key], is_issued=key in issued) for each, key in zip(expected, keys, strict=True)]


def _expected(snapshot: Snapshot, month: Month) -> Sequence[ExpectedStatement]:
    """Worked out again only once the catalogue has been read further."""
    read = snapshot.positions.get(_CATALOGUE)
    return snapshot.memo.get(("expected", month), read, lambda: expected_statements(snapshot.terms, month))


def _unissued(snapshot: Snapshot, issued: Collection[_Key], now: datetime) -> list[RecomputationResult]:
    """The newest recomputations of what is not issued: what is, came out alike, and is corrected by later documents."""
    found = snapshot.run.recomputations(watched_months(now)[0])
    return [each for each in found if (each.council, each.month) not in issued]


def _queries(snapshot: Snapshot, finished: Mapping[_Key, int]) -> Mapping[str, _ByMonth]:
    """What was raised, answered and withdrawn, by council and month; of what is not finished."""
    found: defaultdict[str, dict[Month, Sequence[StepEvent]]] = defaultdict(dict)
    for (council, month), count in snapshot.run.step_counts(QUERY_STEPS).items():
        if finished.get((council, month)) != count:
            steps = snapshot.steps.steps(council, month)
            found[council][month] = [step for step in steps if isinstance(step, QUERY_STEPS)]
    return found


def _of_queries(
    snapshot: Snapshot, council: str, steps: _ByMonth, now: datetime, finished: dict[_Key, int]
) -> QueryFigures:
    today = now.astimezone(LONDON).date()
    open_ = overdue = held_pence = 0
    for month, of_month in steps.items():
        queries = queries_of(of_month)
        held = _held_pence(snapshot, council, month, now) if any(map(_may_hold, queries)) else 0
        if held == 0 and not any(each.is_open for each in queries) and _is_final(snapshot, council, month, queries):
            finished[council, month] = len(of_month)
        open_ += sum(each.is_open for each in queries)
        overdue += sum(each.is_overdue(today) for each in queries)
        held_pence += held
    return QueryFigures(open=open_, overdue=overdue, held_pence=held_pence)


def _is_final(snapshot: Snapshot, council: str, month: Month, queries: Sequence[StatementQuery]) -> bool:
    """Whether nothing that comes later can make closed queries hold anything: they credited nothing, or it is booked.

    Money that was paid is not held, and is again where a payment is taken back: only what is booked is over.
    """
    if not any(map(_may_hold, queries)):
        return True
    if (document := snapshot.steps.statement(council, month)) is None:
        return False
    statement, later = statement_of(document.content), snapshot.steps.later_documents(council)
    return not any(holds(statement, query, later) for query in queries)


def _may_hold(query: StatementQuery) -> bool:
    """Whether it can hold anything: it is open, or it credited what a document may not have booked yet."""
    return (query.held_pence if query.is_open else query.credited_pence) > 0


def _held_pence(snapshot: Snapshot, council: str, month: Month, now: datetime) -> int:
    """What is held of one statement; 0 of a draft that cannot be computed now: nobody is asked for anything of it."""
    status: Status = "in-progress" if month == month_of(now) else "draft"
    try:
        statement = statement_in(snapshot, council, month, status)
    except (UnknownCouncil, NoAgreement, StatementFailed):
        return 0
    steps, later = snapshot.steps.steps(council, month), snapshot.steps.later_documents(council)
    return amounts_due_of(statement, steps, today=now.astimezone(LONDON).date(), later=later).held_pence
