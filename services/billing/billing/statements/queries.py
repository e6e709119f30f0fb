"""Queries of statements as councils raise and withdraw them, and the provider answers. Calls block."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from billing.domain.amounts_due import AmountsDue
from billing.domain.lifecycle import StepRefused
from billing.domain.queries import (
    DEFAULT_REPLY_DAYS,
    InvalidStep,
    QueriedLine,
    StatementQuery,
    held_pence,
    plain_words,
    queried_line,
    queries_of,
    reply_by,
    require_answer,
    require_new_subject,
    require_open_query,
    require_shown,
)
from billing.domain.statement import Statement
from billing.ports import StepStore
from billing.statements.acting import Acting, Seen
from billing.statements.explaining import UnknownLine
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.contracts.scalars import Stream
from shared.contracts.statements import (
    Outcome,
    QueryAnswered,
    QueryAnsweredData,
    QueryRaised,
    QueryRaisedData,
    QueryWithdrawn,
    QueryWithdrawnData,
    StepEvent,
)
from shared.period import Month
from shared.scope import Scope

QUERY_STEPS: tuple[type[StepEvent], ...] = (QueryRaised, QueryAnswered, QueryWithdrawn)
# Whether an exclusion or a correction run of that id concerns the council.
IsDecision = Callable[[str, str], bool]


class UnknownQuery(LookupError):
    """The statement has no query of that id."""


@dataclass(frozen=True, slots=True)
class WantedQuery:
    """What a council queries, under an id of its own choice; `held_pence` None holds what is at stake on a charge."""

    id: str
    words: str
    line: str | None = None
    stream: Stream | None = None
    item: str | None = None
    held_pence: int | None = None


@dataclass(frozen=True, slots=True)
class WantedAnswer:
    """How the provider answers."""

    outcome: Outcome
    words: str
    credited_pence: int = 0
    corrected_by: str | None = None


@dataclass(frozen=True, slots=True)
class StatementQueries:
    """The queries of one statement, and what they leave due."""

    statement: Statement
    queries: tuple[StatementQuery, ...]
    amounts_due: AmountsDue


class Queries:
    """Each method raises what `Acting` raises; one that takes a step also `InvalidStep` and `StepRefused`.

    The same sent again under the same id changes nothing.
    """

    def __init__(self, store: StepStore, clock: Clock, is_decision: IsDecision = lambda *_: True) -> None:
        self._store, self._acting, self._is_decision = store, Acting(store, clock), is_decision

    def today(self) -> date:
        """The London date: what was to be answered before it is overdue."""
        return self._acting.today()

    def of_statement(self, council: str, month: Month, *, scope: Scope) -> StatementQueries:
        """The queries of a council's month, the open ones first."""
        seen = self._acting.seen(council, month, scope=scope)
        return StatementQueries(seen.statement, _in_order(queries_of(seen.steps)), seen.amounts_due(self.today()))

    def one(self, council: str, month: Month, query: str, *, scope: Scope) -> StatementQuery:
        """The query of that id; raises `UnknownQuery`."""
        return _found(queries_of(self._acting.seen(council, month, scope=scope).steps), query)

    def line(self, council: str, month: Month, ref: str, *, scope: Scope) -> QueriedLine:
        """The line of that reference as a query sees it; raises `UnknownLine`."""
        return _known_line(self._acting.seen(council, month, scope=scope), ref)

    def all(self, *, scope: Scope) -> tuple[StatementQuery, ...]:
        """Every query of the councils in scope, the open ones first, by the day to reply."""
        with self._store.snapshot(scope) as snapshot:
            steps = snapshot.steps.of_types(QUERY_STEPS)
        by_statement: dict[tuple[str, str], list[StepEvent]] = {}
        for step in steps:
            by_statement.setdefault((step.council, step.data.month), []).append(step)
        return _in_order(query for of_it in by_statement.values() for query in queries_of(of_it))

    def council_names(self, *, scope: Scope) -> dict[str, str]:
        """What the councils in scope are called now, by id."""
        with self._store.snapshot(scope) as snapshot:
            councils = snapshot.terms.councils
            known = {id_: councils.on(id_, self.today()) for id_ in councils.ids()}
            return {id_: version.definition.name for id_, version in known.items() if version is not None}

    def raise_query(self, caller: Principal, council: str, month: Month, wanted: WantedQuery) -> StatementQuery:
        """The council queries a line, or an item's verdict. Raises `UnknownLine`."""
        words = plain_words(wanted.words)
        _require_subject(wanted)
        with self._acting.step(caller, council, month) as (seen, writer):
            queries = queries_of(seen.steps)
            before = next((each for each in queries if each.id == wanted.id), None)
            if before is not None:
                return _same_query(before, wanted, words)
            require_shown(seen.lifecycle)
            line = None if wanted.line is None else _known_line(seen, wanted.line)
            data = QueryRaisedData(
                month=str(month),
                step=f"query-{wanted.id}",
                by=caller.name,
                query=wanted.id,
                line=wanted.line,
                stream=wanted.stream,
                item=wanted.item,
                words=words,
                reply_by=reply_by(self.today(), _reply_days(seen, line)),
                held_pence=held_pence(
                    seen.statement, line, wanted.held_pence, queries, of_item=wanted.item is not None
                ),
            )
            step = QueryRaised(**self._acting.envelope(council, month, data.step), data=data)
            (raised,) = queries_of([step])
            require_new_subject(raised, line, queries)
            writer.add(step)
            return raised

    def answer(self, caller: Principal, council: str, month: Month, query: str, wanted: WantedAnswer) -> StatementQuery:
        """The provider answers. Raises `UnknownQuery`."""
        words = plain_words(wanted.words)
        with self._acting.step(caller, council, month) as (seen, writer):
            queries = queries_of(seen.steps)
            before = _found(queries, query)
            if _content(before) == (wanted.outcome, words, wanted.credited_pence, wanted.corrected_by):
                return before
            require_open_query(before)
            self._require_answer(before, wanted, seen, queries)
            data = QueryAnsweredData(
                month=str(month),
                step=f"answer-{query}",
                by=caller.name,
                query=query,
                outcome=wanted.outcome,
                credited_pence=wanted.credited_pence,
                corrected_by=wanted.corrected_by,
                words=words,
            )
            step = QueryAnswered(**self._acting.envelope(council, month, data.step), data=data)
            writer.add(step)
            return _found(queries_of([*seen.steps, step]), query)

    def withdraw(self, caller: Principal, council: str, month: Month, query: str, *, words: str = "") -> StatementQuery:
        """The council withdraws its query, which holds nothing any more. Raises `UnknownQuery`."""
        why = plain_words(words) if words.strip() else ""
        with self._acting.step(caller, council, month) as (seen, writer):
            before = _found(queries_of(seen.steps), query)
            if before.status == "withdrawn" and before.answer == why:
                return before
            require_open_query(before)
            data = QueryWithdrawnData(
                month=str(month), step=f"withdrawal-{query}", by=caller.name, query=query, words=why
            )
            step = QueryWithdrawn(**self._acting.envelope(council, month, data.step), data=data)
            writer.add(step)
            return _found(queries_of([*seen.steps, step]), query)

    def _require_answer(
        self, before: StatementQuery, wanted: WantedAnswer, seen: Seen, queries: Sequence[StatementQuery]
    ) -> None:
        require_answer(
            before,
            wanted.outcome,
            credited_pence=wanted.credited_pence,
            corrected_by=wanted.corrected_by,
            line=None if before.line is None else queried_line(seen.statement, before.line),
            queries=queries,
            is_issued=seen.lifecycle.status == "issued",
        )
        if wanted.corrected_by is not None and not self._is_decision(before.council, wanted.corrected_by):
            raise InvalidStep("corrected_by", "expected an exclusion or correction run of this council that is known")


def in_order(query: StatementQuery) -> tuple[str, str, str, str, str]:
    """The key of a query in lists: open ones first, by the day to reply, then the others from the month they are of."""
    return "0" if query.is_open else "1", str(query.reply_by), query.council, query.month, query.id


def _in_order(queries: Iterable[StatementQuery]) -> tuple[StatementQuery, ...]:
    return tuple(sorted(queries, key=in_order))


def _require_subject(wanted: WantedQuery) -> None:
    if wanted.line is None and wanted.item is None:
        raise InvalidStep("line", "expected a line of the statement, or an item and what it is")
    if wanted.stream is None and wanted.item is not None:
        raise InvalidStep("stream", "expected what the item is: a ticket, a work item or an outage")
    if wanted.item is None and wanted.stream is not None:
        raise InvalidStep("item", "expected the id of what was timed")


def _same_query(before: StatementQuery, wanted: WantedQuery, words: str) -> StatementQuery:
    """The query that is there, where it is the one that is wanted."""
    is_same = (before.line, before.stream, before.item, before.words) == (
        wanted.line,
        wanted.stream,
        wanted.item,
        words,
    ) and wanted.held_pence in {None, before.held_pence}
    if not is_same:
        raise StepRefused(f"query {wanted.id} was raised already, about something else: use another id")
    if before.status == "withdrawn":
        raise StepRefused(f"query {wanted.id} was withdrawn: raise it under another id")
    return before


def _content(query: StatementQuery) -> tuple[str, str, int, str | None]:
    return query.status, query.answer, query.credited_pence, query.corrected_by


def _found(queries: Sequence[StatementQuery], id_: str) -> StatementQuery:
    found = next((each for each in queries if each.id == id_), None)
    if found is None:
        raise UnknownQuery(f"no query {id_} of this statement")
    return found


def _known_line(seen: Seen, ref: str) -> QueriedLine:
    line = queried_line(seen.statement, ref)
    if line is None:
        raise UnknownLine(f"no line {ref} in this statement")
    return line


def _reply_days(seen: Seen, line: QueriedLine | None) -> int:
    """What the agreement of the line says; without a line, the shortest that any agreement of the month says."""
    days = [
        each.query_reply_days or DEFAULT_REPLY_DAYS
        for each in seen.agreements
        if line is None or each.id == line.agreement
    ]
    return min(days, default=DEFAULT_REPLY_DAYS)
