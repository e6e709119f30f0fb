"""Closing a month: every council's statement looked at together, then checked, approved and issued one by one.

One council that cannot be issued never stops the others. All of it can be repeated: what is issued stays issued.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from billing.domain.blockers import Blocker
from billing.domain.lifecycle import LifecycleStatus, StepRefused
from billing.domain.queries import plain_words
from billing.domain.statement import NoAgreement, UnknownCouncil
from billing.ports import StepStore
from billing.statements.drafts import status_of
from billing.statements.months import StatementFailed
from billing.statements.readiness import LogStates, MonthReadiness, NotIssuable, ReadinessChecks, ReadyAt
from billing.statements.steps import SOURCE, StatementDraft, StatementSteps
from billing.statements.unusual import flags_of
from shared.auth.principal import Principal
from shared.clock import Clock
from shared.contracts.statements import BlockerDecided, BlockerDecidedData, BlockerOutcome
from shared.ids import derived_id
from shared.period import Month
from shared.scope import Scope

_Missing = (UnknownCouncil, NoAgreement)
Progress = Callable[[int, int], None]  # so many councils of so many
_Unusual = Callable[[StatementDraft, Scope], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class CouncilClose:
    """One council in the close of a month; `unusual` is what a person should look at, in sentences.

    `why_not` says why the last step was not taken for it, None where it was.
    """

    council: str
    name: str
    status: LifecycleStatus
    payable_pence: int
    sha256: str
    number: str | None
    blockers: tuple[Blocker, ...]
    unusual: tuple[str, ...] = ()
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class MonthClose:
    """The close of a month: what blocks all councils, and each council that has a statement, by id.

    `digest` names what is shown: whoever approves it approves these drafts and no others. `not_computed` are councils
    whose statement failed, with the reason.
    """

    month: Month
    for_all: tuple[Blocker, ...]
    councils: tuple[CouncilClose, ...]
    not_computed: Mapping[str, str]

    @property
    def digest(self) -> str:
        """SHA-256 of the month and of each council's draft that is not issued yet."""
        shown = [str(self.month), *(f"{each.council} {each.sha256}" for each in self.open)]
        return hashlib.sha256("\n".join(shown).encode()).hexdigest()

    @property
    def open(self) -> tuple[CouncilClose, ...]:
        """Those that are not issued yet."""
        return tuple(each for each in self.councils if each.status != "issued")

    @property
    def payable_pence(self) -> int:
        """What all councils together pay, before VAT."""
        return sum(each.payable_pence for each in self.councils)


class NotWhatWasShown(StepRefused):
    """The drafts are not those that were looked at any more."""


class MonthClosing:
    """The close of a month, over a worker's `store`, which sees quarantine."""

    def __init__(
        self, store: StepStore, steps: StatementSteps, checks: ReadinessChecks, logs: LogStates, clock: Clock
    ) -> None:
        self._store, self._steps, self._checks, self._logs, self._clock = store, steps, checks, logs, clock

    async def ready_now(self) -> ReadyAt:
        """What must hold for a statement that is issued now. Raises `BusUnavailable`."""
        return ReadyAt(self._checks, await self._logs.read_past(), self._logs.of_statements())

    async def look(self, month: Month, *, scope: Scope, progress: Progress = lambda *_: None) -> MonthClose:
        """Every council's statement as it is now, what keeps each from being issued, and what looks unusual.

        Raises `MonthNotBegun`.
        """
        return await self._looked_at(month, scope, progress, self._unusual)

    async def drafts(self, month: Month, *, scope: Scope, progress: Progress = lambda *_: None) -> MonthClose:
        """As `look`, without what looks unusual."""
        return await self._looked_at(month, scope, progress, lambda *_: ())

    async def _looked_at(self, month: Month, scope: Scope, progress: Progress, unusual: _Unusual) -> MonthClose:
        status = status_of(month, self._clock)
        state = await self._logs.read_past()
        ready = await asyncio.to_thread(self._checks.of_month, month, state, status)
        found: list[CouncilClose] = []
        failed: dict[str, str] = {}
        councils = await asyncio.to_thread(self._councils, scope)
        for done, council in enumerate(councils):
            progress(done, len(councils))
            try:
                draft = await asyncio.to_thread(self._steps.draft, council, month, scope=scope)
                found.append(_close_of(draft, ready, await asyncio.to_thread(unusual, draft, scope)))
            except _Missing:
                continue
            except StatementFailed as failure:
                failed[council] = failure.why
        progress(len(councils), len(councils))
        for_all = ready.for_all if scope.councils is None else ()  # of no council in particular: operators' to see
        return MonthClose(month, for_all, tuple(found), failed)

    async def sign(
        self, caller: Principal, month: Month, seen: Mapping[str, str], *, approve: bool, words: str = ""
    ) -> list[tuple[str, str | None]]:
        """Each draft of `seen`, its hash by council, is checked or approved; why not, for each where it is not."""
        step = self._steps.approve if approve else self._steps.check
        return [
            (council, _why_not(await self._tried(partial(step, caller, council, month, sha256=sha256, words=words))))
            for council, sha256 in sorted(seen.items())
        ]

    async def issue(self, caller: Principal, month: Month, *, progress: Progress = lambda *_: None) -> MonthClose:
        """Every approved statement that is ready is issued; `why_not` says of each other one why it is not."""
        before = await self.drafts(month, scope=caller.scope)
        ready = None if all(each.blockers for each in before.open) else await self.ready_now()
        issued: list[CouncilClose] = []
        for done, each in enumerate(before.councils):
            progress(done, len(before.councils))
            issued.append(each if each.status == "issued" else await self._issued(caller, month, each, ready))
        progress(len(issued), len(issued))
        return replace(before, councils=tuple(issued))

    async def close(
        self, caller: Principal, month: Month, *, approved_digest: str, words: str, progress: Progress = lambda *_: None
    ) -> MonthClose:
        """What was shown under that digest is checked, approved and issued: for a stack that is one person's.

        Raises `NotWhatWasShown` where the drafts are others now, and changes nothing then.
        """
        shown = await self.drafts(month, scope=caller.scope)
        if shown.digest != approved_digest:
            raise NotWhatWasShown("the drafts are not those that were looked at any more: look at them again")
        seen = {each.council: each.sha256 for each in shown.open if not each.blockers and each.status != "approved"}
        await self.sign(caller, month, seen, approve=False, words=words)
        await self.sign(caller, month, seen, approve=True, words=words)
        return await self.issue(caller, month, progress=progress)

    async def decide(
        self, caller: Principal, month: Month, blocker: str, *, outcome: BlockerOutcome, words: str
    ) -> bool:
        """What is open under the id `blocker` keeps the month from being issued no longer; False where nothing is.

        It is listed with who decided so and why; what comes later under another id blocks again. Raises `InvalidStep`
        without a reason.
        """
        why = plain_words(words)
        found = await self.drafts(month, scope=Scope.all())
        open_ = [*found.for_all, *(each for council in found.councils for each in council.blockers)]
        if not any(each.id == blocker and each.is_decidable for each in open_):
            return False
        step = f"blocker-{hashlib.sha256(blocker.encode()).hexdigest()[:32]}"
        data = BlockerDecidedData(
            month=str(month), step=step, by=caller.name, blocker=blocker, outcome=outcome, words=why
        )
        event = BlockerDecided(
            id=derived_id("blocker-decided", str(month), step),
            source=SOURCE,
            time=self._clock.now(),
            subject=str(month),
            data=data,
        )
        await asyncio.to_thread(self._add, event)
        return True

    def _add(self, event: BlockerDecided) -> None:
        with self._store.taking_steps() as writer:
            writer.add(event)

    async def _issued(
        self, caller: Principal, month: Month, before: CouncilClose, ready: ReadyAt | None
    ) -> CouncilClose:
        if ready is None or before.blockers:  # nobody waits for the same again
            return replace(before, why_not=str(NotIssuable(before.blockers)))
        now = await self._tried(partial(self._steps.issue, caller, before.council, month, ready))
        if isinstance(now, str):
            return replace(before, why_not=now)
        payable_pence = now.statement.payable_pence
        is_now = replace(before, status=now.lifecycle.status, payable_pence=payable_pence, sha256=now.sha256)
        return replace(is_now, number=now.lifecycle.number, blockers=())

    async def _tried(self, step: Callable[[], StatementDraft]) -> StatementDraft | str:
        """The statement after the step, or why that was not taken."""
        try:
            return await asyncio.to_thread(step)
        except (StepRefused, *_Missing) as refused:
            return str(refused)
        except StatementFailed as failure:
            return str(failure)

    def _unusual(self, draft: StatementDraft, scope: Scope) -> tuple[str, ...]:
        """Of a draft, against the months before it; what is issued has been looked at."""
        if draft.lifecycle.status == "issued":
            return ()
        council = draft.statement.council.id
        with self._store.snapshot(scope.narrowed_to(council)) as snapshot:
            return tuple(
                each.what for each in flags_of(snapshot, council, draft.statement.month, draft.statement.status)
            )

    def _councils(self, scope: Scope) -> Sequence[str]:
        with self._store.snapshot(scope) as snapshot:
            return sorted(snapshot.terms.councils.ids())


def _why_not(tried: StatementDraft | str) -> str | None:
    return tried if isinstance(tried, str) else None


def _close_of(draft: StatementDraft, ready: MonthReadiness, unusual: tuple[str, ...]) -> CouncilClose:
    council = draft.statement.council
    is_issued = draft.lifecycle.status == "issued"
    return CouncilClose(
        council=council.id,
        name=council.name,
        status=draft.lifecycle.status,
        payable_pence=draft.statement.payable_pence,
        sha256=draft.sha256,
        number=draft.lifecycle.number,
        blockers=() if is_issued else ready.blocking(council.id),
        unusual=unusual,
    )
