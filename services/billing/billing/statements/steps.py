"""Steps of a council's statement up to its issue, as people and the close take them. Calls block.

Each looks at the statement as it is in one snapshot, and is stored only if no other step was taken since.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from billing.domain.amounts_due import AmountsDue, amounts_due_of
from billing.domain.canonical import canonical_json
from billing.domain.issued import DocumentRef, Issued, ReadThrough
from billing.domain.lifecycle import (
    Lifecycle,
    StepRefused,
    lifecycle_of,
    require_approvable,
    require_checkable,
    require_issuable,
    require_open,
)
from billing.domain.numbers import document_number
from billing.domain.packing import packed
from billing.domain.queries import plain_words
from billing.domain.sealed import statement_of
from billing.domain.statement import Statement
from billing.ports import Snapshot, StepStore, StepWriter
from billing.statements.credit_notes import credit_notes
from billing.statements.drafts import statement_in, status_of
from billing.statements.months import statement_hash
from billing.statements.statement_log import StatementLog, append_first
from billing.statements.tallies import basis_to_keep
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.contracts.definitions import Agreement
from shared.contracts.parties import ProviderParty
from shared.contracts.statements import (
    MOST_PACKED,
    IssuedData,
    ReturnedData,
    ReviewOpenedData,
    SeenData,
    StatementApproved,
    StatementChecked,
    StatementIssued,
    StatementReturned,
    StatementReviewOpened,
    StepEvent,
)
from shared.ids import derived_id
from shared.period import LONDON, Month
from shared.scope import Scope

SOURCE = "/billing"


class Ready(Protocol):
    """What must hold before a statement is issued, by what the log held at the cut-off."""

    @property
    def cut_off(self) -> datetime:
        """Everything that was sent before it has been read."""
        ...

    @property
    def log(self) -> StatementLog:
        """Where a statement is appended before it counts as issued."""
        ...

    def require(self, snapshot: Snapshot, draft: Statement) -> None:
        """Raises `StepRefused` where the draft, made in that snapshot, may not be issued."""
        ...


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """What a council's month comes to now, its hash, its lifecycle, and the steps that it has taken.

    `documents` are the hashes of all that the council was issued: its corrections follow from them. `basis` is what it
    follows from beside events, compressed; there only where it is about to be issued.
    """

    statement: Statement
    sha256: str
    lifecycle: Lifecycle
    steps: Sequence[StepEvent]
    price_setters: frozenset[str]
    review_days: int | None
    read_through: tuple[ReadThrough, ...]
    documents: tuple[str, ...]
    amounts_due: AmountsDue
    basis: bytes = b""


class StatementSteps:
    """Raises what `statement_in` raises, `MonthNotBegun`, and `StepRefused`."""

    def __init__(self, store: StepStore, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def draft(self, council: str, month: Month, *, scope: Scope) -> StatementDraft:
        """The month as it is now, issued or not."""
        with self._store.snapshot(scope.narrowed_to(council)) as snapshot:
            return self._draft(snapshot, council, month)

    def open_review(
        self, caller: Principal, council: str, month: Month, *, until: date | None = None
    ) -> StatementDraft:
        """The council is shown the draft until the end of `until`, by default for the days that are agreed."""
        with self._step(caller, council, month) as (draft, writer, about):
            require_open(draft.lifecycle)
            last = until or self._today() + timedelta(days=draft.review_days or 0)
            if last < self._today():
                raise StepRefused("the last day of a review cannot have passed")
            data = ReviewOpenedData(**about("review"), sha256=draft.sha256, until=last)
            writer.add(StatementReviewOpened(**self._envelope(council, month, data.step), data=data))
        return self.draft(council, month, scope=caller.scope)

    def check(self, caller: Principal, council: str, month: Month, *, sha256: str, words: str = "") -> StatementDraft:
        """The draft of that hash is checked."""
        with self._step(caller, council, month) as (draft, writer, about):
            require_checkable(draft.lifecycle, needs_review=bool(draft.review_days))
            _require_seen(draft, sha256)
            data = SeenData(**about("check"), sha256=sha256, words=words)
            writer.add(StatementChecked(**self._envelope(council, month, data.step), data=data))
        return self.draft(council, month, scope=caller.scope)

    def approve(self, caller: Principal, council: str, month: Month, *, sha256: str, words: str = "") -> StatementDraft:
        """The draft of that hash may be issued, another person than those who checked and priced it says."""
        with self._step(caller, council, month) as (draft, writer, about):
            _require_seen(draft, sha256)
            # A local stack is one person's: its files are theirs to change.
            by, setters = ("", frozenset[str]()) if caller.kind == "local" else (caller.name, draft.price_setters)
            require_approvable(draft.lifecycle, by=by, sha256=sha256, set_prices=setters)
            data = SeenData(**about("approve"), sha256=sha256, words=words)
            writer.add(StatementApproved(**self._envelope(council, month, data.step), data=data))
        return self.draft(council, month, scope=caller.scope)

    def return_(self, caller: Principal, council: str, month: Month, *, words: str) -> StatementDraft:
        """The draft is not approved: reviewing and checking begin again. Raises `InvalidStep` without a reason."""
        why = plain_words(words)
        with self._step(caller, council, month) as (draft, writer, about):
            require_open(draft.lifecycle)
            data = ReturnedData(**about("return"), words=why)
            writer.add(StatementReturned(**self._envelope(council, month, data.step), data=data))
        return self.draft(council, month, scope=caller.scope)

    def issue(self, caller: Principal, council: str, month: Month, ready: Ready) -> StatementDraft:
        """The statement is issued, once however often it is asked for: it has its number and its seal for ever."""
        found = self.draft(council, month, scope=caller.scope)
        if found.lifecycle.status == "issued":
            return found
        with self._step(caller, council, month, ready) as (draft, writer, about):
            require_issuable(draft.lifecycle, sha256=draft.sha256, today=self._today())
            if draft.documents != tuple(writer.document_hashes(council)):
                raise StepRefused("another document of the council has just been issued: issue this one after it")
            data = self._sealed(draft, writer, about("issued"), ready.cut_off)
            event = StatementIssued(**self._envelope(council, month, data.step), data=data)
            writer.add(event)
            writer.keep_basis(council, month, draft.basis)
            append_first(ready.log, writer, event)
        return self.draft(council, month, scope=caller.scope)

    def _sealed(
        self, draft: StatementDraft, writer: StepWriter, about: dict[str, Any], cut_off: datetime
    ) -> IssuedData:
        """The issued statement as its event carries it, with the next number of its provider's year."""
        statement, month = draft.statement, draft.statement.month
        provider = statement.agreements[0].provider
        party = next((each.party for each in statement.suppliers if each.id == provider), None) or ProviderParty()
        sequence = writer.next_sequence(provider, month.financial_year, "statement")
        before = writer.newest(provider, statement.council.id)
        issued_on = self._today()
        issued = Issued(
            number=document_number(month, "statement", sequence, prefix=party.number_prefix),
            provider=provider,
            issued_on=issued_on,
            due_on=None if party.payment_days is None else issued_on + timedelta(days=party.payment_days),
            cut_off=cut_off,
            previous=None if before is None else DocumentRef(before.number, before.sha256),
            read_through=draft.read_through,
        )
        content = canonical_json(replace(statement, status="issued", issued=issued))
        ref = DocumentRef(issued.number, hashlib.sha256(content).hexdigest())
        sealed = replace(statement_of(content), booked_nets=statement.booked_nets)
        notes = tuple(credit_notes(sealed, ref, writer, by=about["by"]))
        basis = base64.b64encode(draft.basis).decode()
        left = MOST_PACKED - sum(len(each.content) for each in notes)
        return IssuedData(
            **{**about, "step": f"{about['step']}-{ref.sha256[:16]}"},
            number=issued.number,
            provider=provider,
            financial_year=month.financial_year,
            sequence=sequence,
            total_pence=statement.payable_pence,
            sha256=ref.sha256,
            previous=None if before is None else before.sha256,
            content=packed(content),
            basis=basis if len(basis) <= left else None,
            credit_notes=notes,
        )

    @contextmanager
    def _step(
        self, caller: Principal, council: str, month: Month, ready: Ready | None = None
    ) -> Iterator[tuple[StatementDraft, StepWriter, Callable[[str], dict[str, Any]]]]:
        """The draft, where to put its next step, and what every step says; nobody else takes one meanwhile."""
        if status_of(month, self._clock) == "in-progress":
            raise StepRefused("the month is not over: its statement can still change")
        with self._store.snapshot(caller.scope.narrowed_to(council)) as snapshot:
            draft = self._draft(snapshot, council, month)
            if ready is not None:
                ready.require(snapshot, draft.statement)
                draft = replace(draft, basis=basis_to_keep(snapshot, draft.statement))
        with self._store.taking_steps() as writer:
            if len(writer.steps(council, month)) != len(draft.steps):
                raise StepRefused("somebody else has just taken a step with this statement: look at it again")

            def about(kind: str) -> dict[str, Any]:
                step = kind if kind == "issued" else f"{kind}-{len(draft.steps) + 1}"
                return {"month": str(month), "step": step, "by": caller.name}

            yield draft, writer, about

    def _draft(self, snapshot: Snapshot, council: str, month: Month) -> StatementDraft:
        statement = statement_in(snapshot, council, month, status_of(month, self._clock))
        steps = snapshot.steps.steps(council, month)
        agreements = [each.definition for each in snapshot.terms.agreements_in(council, month)]
        return StatementDraft(
            statement,
            statement_hash(snapshot, statement),
            lifecycle_of(steps),
            steps,
            snapshot.steps.price_setters(_priced_by(statement)),
            _review_days(agreements),
            snapshot.read_through,
            tuple(snapshot.steps.document_hashes(council)),
            amounts_due_of(statement, steps, today=self._today(), later=snapshot.steps.later_documents(council)),
        )

    def _today(self) -> date:
        return self._clock.now().astimezone(LONDON).date()

    def _envelope(self, council: str, month: Month, step: str) -> dict[str, Any]:
        return {
            "id": derived_id("statement-step", council, str(month), step),
            "source": SOURCE,
            "time": self._now(),
            "subject": str(month),
            "council": council,
        }

    def _now(self) -> datetime:
        return self._clock.now()


def _require_seen(draft: StatementDraft, sha256: str) -> None:
    if sha256 != draft.sha256:
        raise StepRefused("the draft is not the one that was looked at any more: look at it again")


def _priced_by(statement: Statement) -> list[tuple[str, str, int]]:
    """The versions of tariffs and agreements that the statement follows from."""
    tariffs = [("tariff", each.id, each.version) for each in statement.tariffs]
    return tariffs + [("agreement", each.id, each.version) for each in statement.agreements]


def _review_days(agreements: Sequence[Agreement]) -> int | None:
    """The longest review that an agreement gives; None where none does."""
    return max((each.review_days for each in agreements if each.review_days is not None), default=None)
