"""Correction runs with their progress, and the adjustments that corrections of frozen months become."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from fastapi import APIRouter
from msgspec import Struct

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.clock import Clock
from shared.contracts.decisions import (
    CorrectionProposed,
    CorrectionProposedData,
    CorrectionRejected,
    CorrectionRejectedData,
    CorrectionRequested,
    CorrectionRequestedData,
    CorrectionScope,
)
from shared.contracts.scalars import Id
from shared.faults import Fault
from shared.http import (
    Caller,
    CallerScope,
    Json,
    JsonBody,
    JsonList,
    Limit,
    MonthParameter,
    PathId,
    Problem,
    RequestedPage,
    RequestedScope,
    answers,
    json_request_body,
    json_responses,
    pages_of,
    read_as,
    refuses,
    requires,
)
from shared.http.problem_types import CONFLICT, INVALID_REQUEST, NOT_FOUND
from shared.ids import derived_id
from shared.log.port import Shard, every_shard
from shared.scope import Scope
from shared.state.port import StateStore
from sla_monitor.decisions import (
    UnknownDecision,
    decision_problems,
    require_another_person,
    require_in_scope,
)
from sla_monitor.domain.announcements import SOURCE
from sla_monitor.domain.decisions import CorrectionRun, NotAllowed
from sla_monitor.domain.evidence import NoSuchCouncil
from sla_monitor.domain.freezing import Adjustment
from sla_monitor.ports import CauseCount, DecisionsLog, ReadModel
from sla_monitor.store.items import ITEM_TOPICS


class CorrectionRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A run under an id of the sender's choice: sending it again under that id changes nothing."""

    id: Id
    scope: CorrectionScope


class RunReport(Struct, frozen=True):
    """How many of the shards have made the run, and what it has changed so far.

    `recorded` says whether all that was announced by now, for whatever cause, is counted.
    """

    run: CorrectionRun
    shards_done: int
    shards: int
    recorded: bool
    caused: Sequence[CauseCount]


TYPES = (CorrectionRequest, CorrectionRun, RunReport, Adjustment)


class CorrectionService:
    """Requesting correction runs, and asking what became of them."""

    def __init__(
        self,
        log: DecisionsLog,
        states: StateStore,
        read_model: ReadModel,
        clock: Clock,
        narrowed: Callable[[Scope, str | None], Awaitable[Scope]],
        *,
        unrecorded: Callable[[], Awaitable[int]],
    ) -> None:
        """`unrecorded` gives how many announcements in the log the read model does not have yet.

        `narrowed` is that of the sources.
        """
        self._log, self._states, self._read_model, self._clock = log, states, read_model, clock
        self._unrecorded, self._narrowed = unrecorded, narrowed

    async def request(self, caller: Principal, wanted: CorrectionRequest) -> CorrectionRun:
        """The run is proposed, once however often it is sent; on a local stack, one person's, it is approved too.

        Raises `AppendUncertain`; `NotAllowed` where the id has another scope, `UnknownDecision` for a run that reaches
        out of the caller's own, `NoSuchCouncil` for one of a council that is not known.
        """
        require_in_scope(caller.scope, wanted.scope.council)
        council = wanted.scope.council
        own = await self._narrowed(caller.scope, council)
        if self._log.current.run(own, wanted.id) is None:
            data = CorrectionProposedData(scope=wanted.scope, proposed_by=caller.name)
            await self._log.append(CorrectionProposed(**self._envelope("proposed", council, wanted.id), data=data))
        run = self._run(own, wanted.id)
        if run.scope != wanted.scope:
            raise NotAllowed("another correction run has this id")
        return run if caller.kind != "local" else await self.approve(caller, own, wanted.id)

    async def approve(self, caller: Principal, scope: Scope, id_: str) -> CorrectionRun:
        """The run in `scope`, of the caller's own, is made.

        Raises `UnknownDecision`, `SeveralCouncils`, `SamePerson`, and `NotAllowed` where it was decided otherwise.
        """
        run = self._undecided(caller, scope, id_, "approved")
        if run.status == "proposed":
            data = CorrectionRequestedData(scope=run.scope, requested_by=run.requested_by, approved_by=caller.name)
            await self._log.append(CorrectionRequested(**self._envelope("", run.scope.council, id_), data=data))
        return self._undecided(caller, scope, id_, "approved")

    async def reject(self, caller: Principal, scope: Scope, id_: str) -> CorrectionRun:
        """The run is not made. Raises as `approve`."""
        run = self._undecided(caller, scope, id_, "rejected")
        if run.status == "proposed":
            data = CorrectionRejectedData(council=run.scope.council, rejected_by=caller.name)
            await self._log.append(CorrectionRejected(**self._envelope("rejected", run.scope.council, id_), data=data))
        return self._undecided(caller, scope, id_, "rejected")

    def all(self, scope: Scope) -> Sequence[CorrectionRun]:
        """The runs of the councils in scope, by id; also those that nobody has decided about yet."""
        return [run for run in self._log.current.runs() if _is_visible(scope, run)]

    async def report(self, scope: Scope, id_: str) -> RunReport:
        """How far the run is, and what it has changed of the councils in scope; raises `UnknownDecision`."""
        run, shards = self._run(scope, id_), every_shard(ITEM_TOPICS)
        heads = [await self._states.head(shard) for shard in shards]
        # A shard that was never written has nothing to correct.
        is_made = run.status == "approved"
        done = sum(is_made and (head is None or head.decisions_position >= run.position) for head in heads)
        recorded = await self._is_recorded(shards)  # before the count, which may then only be newer
        caused = await asyncio.to_thread(self._read_model.caused, scope.narrowed_to(run.scope.council), id_)
        return RunReport(run, done, len(shards), recorded, caused)

    def adjustments(self, scope: Scope, *, posted: str | None) -> list[Adjustment]:
        """Corrections of frozen months, by the month that shows them. Blocks: call it from a worker thread."""
        return self._read_model.adjustments(scope, posted=posted)

    async def _is_recorded(self, shards: Sequence[Shard]) -> bool:
        for shard in shards:
            if await self._states.outbox(shard, limit=1):
                return False
        return not await self._unrecorded()

    def _run(self, scope: Scope, id_: str) -> CorrectionRun:
        run = self._log.current.run(scope, id_)
        if run is None:
            raise UnknownDecision(f"no correction run {id_!r} was requested")
        return run

    def _undecided(
        self, caller: Principal, scope: Scope, id_: str, wanted: Literal["approved", "rejected"]
    ) -> CorrectionRun:
        """The run, on which the caller may decide so, or has."""
        run = self._run(scope, id_)
        require_in_scope(caller.scope, run.scope.council)
        require_another_person(caller, run.requested_by)
        if run.status not in {"proposed", wanted}:
            raise NotAllowed(f"it is {run.status} already")
        return run

    def _envelope(self, step: str, council: str | None, id_: str) -> dict[str, Any]:
        names = ("correction", step, council or "", id_)
        return {"id": derived_id(*names), "source": SOURCE, "time": self._clock.now(), "subject": id_}


def _is_visible(scope: Scope, run: CorrectionRun) -> bool:
    return run.scope.council is None or scope.allows(run.scope.council)


def router(corrections: CorrectionService) -> APIRouter:
    """`/correction-runs` and `/adjustments`."""
    routes = APIRouter()

    @routes.post(
        "/correction-runs",
        dependencies=[requires(Action.REQUEST_CORRECTION)],
        status_code=202,
        responses=json_responses(CorrectionRun, {202: "Proposed: ask /v1/correction-runs/{id} what became of it"})
        | refuses(CONFLICT, NOT_FOUND),
        openapi_extra=json_request_body(CorrectionRequest),
    )
    async def request_correction_run(body: JsonBody, caller: Caller) -> Json:
        """Ended items in scope are judged again by the catalogue as it is now known, once somebody else approves it."""
        wanted = read_as(body, CorrectionRequest)
        if wanted.scope.to_date <= wanted.scope.from_date:
            raise Problem(INVALID_REQUEST, faults=[Fault(("scope", "to_date"), "expected a date after from_date")])
        try:
            with decision_problems():
                run = await corrections.request(caller, wanted)
        except NoSuchCouncil as refused:
            raise Problem(INVALID_REQUEST, faults=[Fault(("scope", "council"), str(refused))]) from refused
        return Json(run, status_code=202, headers={"Location": f"/v1/correction-runs/{run.id}"})

    @routes.get("/correction-runs", dependencies=[requires(Action.READ_FIGURES)], responses=pages_of(CorrectionRun))
    def list_correction_runs(caller: CallerScope, paging: RequestedPage, limit: Limit = 50) -> Json:
        """Every run, also those that nobody has decided about yet."""
        page = paging.page(corrections.all(caller), limit, key=lambda each: f"{each.scope.council} {each.id}")
        return JsonList(page.items, headers=paging.next_link(page))

    for verb, decide in (("approve", corrections.approve), ("reject", corrections.reject)):
        _add_decision(routes, verb, decide)

    @routes.get(
        "/correction-runs/{id}",
        dependencies=[requires(Action.READ_FIGURES)],
        responses=answers(RunReport) | refuses(CONFLICT),
    )
    async def get_correction_run(id: PathId, scope: RequestedScope) -> Json:
        """How many shards have made the run, and what it has corrected and retracted so far."""
        with decision_problems():
            return Json(await corrections.report(scope, id))

    @routes.get("/adjustments", dependencies=[requires(Action.READ_FIGURES)], responses=pages_of(Adjustment))
    def list_adjustments(
        scope: RequestedScope, paging: RequestedPage, posted: MonthParameter | None = None, limit: Limit = 50
    ) -> Json:
        """Corrections of frozen months, by the month in which they are shown."""
        found = corrections.adjustments(scope, posted=None if posted is None else str(posted))
        page = paging.page(found, limit, key=lambda each: each.id)
        return JsonList(page.items, headers=paging.next_link(page))

    return routes


def _add_decision(
    routes: APIRouter, verb: str, decide: Callable[[Principal, Scope, str], Awaitable[CorrectionRun]]
) -> None:
    @routes.post(
        f"/correction-runs/{{id}}/{verb}",
        name=f"{verb}_correction_run",
        dependencies=[requires(Action.APPROVE_CORRECTION)],
        responses=answers(CorrectionRun) | refuses(CONFLICT),
        description=decide.__doc__,
    )
    async def decided(id: PathId, caller: Caller, scope: RequestedScope) -> Json:
        with decision_problems():
            return Json(await decide(caller, scope, id))
