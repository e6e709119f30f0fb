"""What people decided: exclusions and their states, correction runs, and which items are to be evaluated again for it.

Events are applied in the order of their log, so every reader comes to the same state: the first decision holds, and a
side that may not take a step has not taken it (four eyes: who proposed an exclusion does not approve it).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from shared.contracts.decisions import (
    CorrectionProposed,
    CorrectionRejected,
    CorrectionRequested,
    CorrectionScope,
    DecisionEvent,
    Exclusion,
    ExclusionApproved,
    ExclusionProposed,
    ExclusionRejected,
    ExclusionStep,
    ExclusionWithdrawn,
    ItemRetryRequested,
    Party,
    council_of_decision,
)
from shared.contracts.scalars import Stream
from shared.instants import epoch_s
from shared.period import local_midnight
from shared.scope import Scope
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.timeline import FOREVER, read_timeline
from sla_monitor.domain.item import Item

Status = Literal["proposed", "approved", "rejected", "withdrawn"]


class NotAllowed(ValueError):
    """The exclusion's present state or side does not allow the step; the message says why."""


class ExclusionState(Struct, frozen=True):
    """An exclusion and what was decided about it so far."""

    id: str
    exclusion: Exclusion
    proposed: Party
    proposed_at: datetime
    status: Status = "proposed"
    decided: Party | None = None
    decided_at: datetime | None = None


class CorrectionRun(Struct, frozen=True):
    """A correction run. Approved, a shard has made it once it is at `position` of the decisions' log; 0 until then.

    `decided_by` approved or rejected it.
    """

    id: str
    scope: CorrectionScope
    requested_by: str
    requested_at: datetime
    position: int = 0
    status: Literal["proposed", "approved", "rejected"] = "proposed"
    decided_by: str | None = None


class ReevaluationRequest(Struct, frozen=True):
    """Items that [start, end) may concern (epoch seconds) are to be evaluated again; None in the scope means every one.

    `cause` is named in the corrections that follow, which are made at `at` or later. `renews`: an ended item is
    evaluated by the catalogue as now known; without it, by the one that the item keeps. `open_only`: what has ended is
    left alone.
    """

    cause: str
    position: int
    at: int = 0
    start: int = -FOREVER
    end: int = FOREVER
    council: str | None = None
    service: str | None = None
    stream: Stream | None = None
    item: str | None = None
    renews: bool = False
    open_only: bool = False

    def names(self, council: str, stream: Stream, item: str) -> bool:
        """Whether it is about the item of that key, or about every one."""
        pairs = ((self.council, council), (self.stream, stream), (self.item, item))
        return all(named in (None, found) for named, found in pairs)


# A new version decides what is open or waits for it; what has ended keeps its verdicts until a correction run (R10).
CATALOGUE_CHANGED = ReevaluationRequest("catalogue", 0, renews=True, open_only=True)


_S = TypeVar("_S")
# A decision's council and id. The council is None for a correction run of every council.
_Key = tuple[str | None, str]


class SeveralCouncils(LookupError):
    """More than one council in scope has a decision of that id."""


class Decisions:
    """All decisions so far, applied in the order of their log. Ids are unique among those of one council."""

    def __init__(self) -> None:
        self._exclusions: dict[_Key, ExclusionState] = {}
        self._approved: dict[str, tuple[ExcludedTime, ...]] = {}
        self._requests: list[ReevaluationRequest] = []
        self._runs: dict[_Key, CorrectionRun] = {}
        self._retries: dict[_Key, ReevaluationRequest] = {}
        self._councils: dict[str, set[str | None]] = {}  # who has a decision of an id

    def apply(self, event: DecisionEvent, *, position: int) -> bool:
        """The decision is known, from `position` on; returns whether any item is to be evaluated again."""
        self._councils.setdefault(event.subject, set()).add(council_of_decision(event))
        if isinstance(event, CorrectionRequested):
            return self._add_run(event, position)
        if isinstance(event, CorrectionProposed | CorrectionRejected):
            return self._note_run(event)
        if isinstance(event, ItemRetryRequested):
            return self._add_retry(event, position)
        key = _key(event)
        before = self._exclusions.get(key)
        try:
            after = self._exclusions[key] = step(before, event)
        except NotAllowed:
            return False  # two sides may act at once: whoever was second in the log was refused by being second
        if after == before or after.status != "approved":
            return False
        excluded, council = excluded_time(after), after.exclusion.council
        self._approved[council] = (*self.approved(council), excluded)
        self._requests.append(request_of(excluded, position=position, at=epoch_s(event.time)))
        return True

    def exclusion(self, scope: Scope, id_: str) -> ExclusionState | None:
        """The exclusion of that id in scope, None where there is none; raises `SeveralCouncils`."""
        return _only([self._exclusions[key] for key in self._keys(scope, id_) if key in self._exclusions])

    def exclusions(self, scope: Scope) -> list[ExclusionState]:
        """All exclusions of the scope's councils, by id and council."""
        states = sorted(self._exclusions.values(), key=lambda state: (state.id, state.exclusion.council))
        return [state for state in states if scope.allows(state.exclusion.council)]

    def approved(self, council: str) -> Sequence[ExcludedTime]:
        """The time that both sides agreed not to count for a council."""
        return self._approved.get(council, ())

    def requests(self, *, after: int) -> list[ReevaluationRequest]:
        """What is to be evaluated again by decisions after a position, in their order."""
        return [request for request in self._requests if request.position > after]

    def cause_of(self, council: str, id_: str) -> str:
        """What kind of cause a council's correction names: a decision, the catalogue, time, a rebuild, or an event."""
        if id_ in (CATALOGUE_CHANGED.cause, "clock"):
            return id_
        if (council, id_) in self._exclusions:
            return "exclusion"
        if (council, id_) in self._runs or (None, id_) in self._runs:
            return "correction-run"
        if (council, id_) in self._retries:
            return "retry"
        return "rebuild" if id_.partition("-")[0] == "rebuild" else "event"

    def run(self, scope: Scope, id_: str) -> CorrectionRun | None:
        """The correction run of that id in scope; one of every council is in any. Raises `SeveralCouncils`."""
        found = [self._runs[key] for key in self._keys(scope, id_) if key in self._runs]
        return next((run for run in found if run.scope.council is None), None) or _only(found)

    def runs(self) -> list[CorrectionRun]:
        """Every correction run, by id and council."""
        return sorted(self._runs.values(), key=lambda run: (run.id, run.scope.council or ""))

    def retry(self, council: str, id_: str) -> ReevaluationRequest | None:
        """The request of that id to judge a failed item of the council again."""
        return self._retries.get((council, id_))

    def _keys(self, scope: Scope, id_: str) -> list[_Key]:
        """Of every decision of that id that the scope sees."""
        councils = self._councils.get(id_, set())
        return [(council, id_) for council in councils if council is None or scope.allows(council)]

    def _add_retry(self, event: ItemRetryRequested, position: int) -> bool:
        key = _key(event)
        if key in self._retries:
            return False
        request = ReevaluationRequest(
            cause=event.subject,
            position=position,
            at=epoch_s(event.time),
            council=event.data.council,
            item=event.data.item,
        )
        self._retries[key] = request
        self._requests.append(request)
        return True

    def _note_run(self, event: CorrectionProposed | CorrectionRejected) -> bool:
        """The first step of each kind holds; neither has any item evaluated again."""
        key = _key(event)
        known = self._runs.get(key)
        match event:
            case CorrectionProposed(data=data) if known is None:
                self._runs[key] = CorrectionRun(event.subject, data.scope, data.proposed_by, event.time)
            case CorrectionRejected(data=data) if known is not None and known.status == "proposed":
                rejected = msgspec.structs.replace(known, status="rejected", decided_by=data.rejected_by)
                self._runs[key] = rejected
        return False

    def _add_run(self, event: CorrectionRequested, position: int) -> bool:
        key = _key(event)
        known = self._runs.get(key)
        if known is not None and known.status != "proposed":
            return False
        scope, data = event.data.scope, event.data
        self._runs[key] = CorrectionRun(
            id=event.subject,
            scope=scope,
            requested_by=data.requested_by,
            requested_at=event.time if known is None else known.requested_at,
            position=position,
            status="approved",
            decided_by=data.approved_by,
        )
        self._requests.append(
            ReevaluationRequest(
                cause=event.subject,
                position=position,
                at=epoch_s(event.time),
                start=epoch_s(local_midnight(scope.from_date)),
                end=epoch_s(local_midnight(scope.to_date)),
                council=scope.council,
                service=scope.service,
                renews=True,
            )
        )
        return True


def _key(event: DecisionEvent) -> _Key:
    return council_of_decision(event), event.subject


def _only(found: Sequence[_S]) -> _S | None:
    if len(found) > 1:
        raise SeveralCouncils
    return found[0] if found else None


def step(state: ExclusionState | None, event: ExclusionStep) -> ExclusionState:
    """The exclusion's state after `event`; raises `NotAllowed`."""
    match event:
        case ExclusionProposed(data=data):
            if state is None:
                return ExclusionState(event.subject, data.exclusion, data.proposed, event.time)
            if (state.exclusion, state.proposed) == (data.exclusion, data.proposed):
                return state
            raise NotAllowed("another exclusion has this id")
        case ExclusionApproved(data=data):
            return _decided(state, event, "approved", data.decided, by_proposer=False)
        case ExclusionRejected(data=data):
            return _decided(state, event, "rejected", data.decided, by_proposer=False)
        case ExclusionWithdrawn(data=data):
            return _decided(state, event, "withdrawn", data.decided, by_proposer=True)


def _decided(
    state: ExclusionState | None, event: ExclusionStep, status: Status, by: Party, *, by_proposer: bool
) -> ExclusionState:
    if state is None:
        raise NotAllowed("no exclusion of this id was proposed")
    if state.status == status and state.decided == by:
        return state
    if state.status != "proposed":
        raise NotAllowed(f"it is {state.status} already")
    if (by.side == state.proposed.side) is not by_proposer:
        whose = "the side that proposed it" if by_proposer else "the other side"
        raise NotAllowed(f"only {whose} can have it {status}; the {state.proposed.side} proposed it")
    if by.by == state.proposed.by and not by_proposer:
        raise NotAllowed(f"only somebody else can have it {status}, whichever side they act for")
    return msgspec.structs.replace(state, status=status, decided=by, decided_at=event.time)


def excluded_time(state: ExclusionState) -> ExcludedTime:
    """The exclusion as clocks use it, its start and end in whole seconds."""
    proposed = state.exclusion
    return ExcludedTime(
        id=state.id,
        start=epoch_s(proposed.start_at),
        end=epoch_s(proposed.end_at),
        category=proposed.category,
        council=proposed.council,
        service=proposed.service,
        agreement=proposed.agreement,
        target=proposed.target,
        stream=proposed.stream,
        item=proposed.item,
    )


def request_of(excluded: ExcludedTime, *, position: int, at: int) -> ReevaluationRequest:
    """The request to correct what an approved exclusion changes, by the catalogue that each item keeps."""
    return ReevaluationRequest(
        cause=excluded.id,
        position=position,
        at=at,
        start=excluded.start,
        end=excluded.end,
        council=excluded.council,
        service=excluded.service,
        stream=excluded.stream,
        item=excluded.item,
    )


def request_for(
    requests: Sequence[ReevaluationRequest], item: Item, *, council: str, stream: Stream, name: str
) -> ReevaluationRequest | None:
    """The last of `requests` that concerns the item, renewing if any of them does; None if it is to be left alone."""
    span = span_of(item)
    named = [request for request in requests if request.names(council, stream, name)]
    matching = [request for request in named if _concerns(request, item, span)]
    renewing = [request for request in matching if request.renews]
    return next(reversed(renewing or matching), None)


class ItemSpan(Struct, frozen=True):
    """From an item's opening to the last instant that its verdicts depend on, FOREVER while it is open."""

    services: Sequence[str]
    start: int
    end: int


def span_of(item: Item) -> ItemSpan | None:
    """What a request is compared with; None while the item has no opening."""
    timeline, _ = read_timeline(item.facts, as_of_s=FOREVER - 1)
    if timeline is None:
        return None
    # Excluded time moves a due instant, and with it the month, also after the item was done in time.
    published = (last.verdict for last in item.announced.values())
    due = [epoch_s(verdict.due_at) for verdict in published if verdict is not None and verdict.due_at]
    end = FOREVER if timeline.ended is None else max([timeline.ended.at, *due])
    return ItemSpan(timeline.services, timeline.start, end)


def _concerns(request: ReevaluationRequest, item: Item, span: ItemSpan | None) -> bool:
    if span is None:
        return item.waiting
    if request.open_only and not (item.waiting or span.end == FOREVER):
        return False
    return request.service in (None, *span.services) and request.start <= span.end and span.start < request.end
