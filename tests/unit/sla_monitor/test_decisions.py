"""Exclusions and who may decide on them, and which items a request concerns."""

from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from shared.contracts.decisions import (
    CorrectionRequested,
    CorrectionRequestedData,
    CorrectionScope,
    DecidedData,
    Exclusion,
    ExclusionApproved,
    ExclusionProposed,
    ExclusionRejected,
    ExclusionStep,
    ExclusionWithdrawn,
    Party,
    ProposedData,
)
from shared.scope import Scope
from sla_monitor.domain.decisions import (
    CATALOGUE_CHANGED,
    Decisions,
    NotAllowed,
    ReevaluationRequest,
    SeveralCouncils,
    request_for,
    step,
)
from sla_monitor.domain.item import Item, insert_fact
from sla_monitor.store.views import decision_key
from tests.support.histories import at, fact
from tests.support.monitoring import local

PROVIDER, COUNCIL = Party(side="provider", by="operations"), Party(side="council", by="contract-manager")
NIGHT = Exclusion(
    council="adur",
    start_at=local("Mon 2026-03-02 10:00"),
    end_at=local("Mon 2026-03-02 12:00"),
    category="planned-maintenance",
    reason="change-1432",
)


def proposed(by: Party = PROVIDER, what: Exclusion = NIGHT) -> ExclusionProposed:
    return ExclusionProposed(**_about("proposed", by), data=ProposedData(exclusion=what, proposed=by))


def approved(by: Party = COUNCIL) -> ExclusionApproved:
    return ExclusionApproved(**_about("approved", by), data=DecidedData(council="adur", decided=by))


def rejected(by: Party = COUNCIL) -> ExclusionRejected:
    return ExclusionRejected(**_about("rejected", by), data=DecidedData(council="adur", decided=by))


def withdrawn(by: Party = PROVIDER) -> ExclusionWithdrawn:
    return ExclusionWithdrawn(**_about("withdrawn", by), data=DecidedData(council="adur", decided=by))


def _about(what: str, by: Party) -> dict[str, Any]:
    return {"id": f"{what}-{by.side}", "source": "/test", "subject": "X1", "time": local("Tue 2026-03-03 09:00")}


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([proposed()], "proposed"),
        ([proposed(), approved()], "approved"),
        ([proposed(COUNCIL), approved(PROVIDER)], "approved"),
        ([proposed(), rejected()], "rejected"),
        ([proposed(), withdrawn()], "withdrawn"),
        ([proposed(), proposed(), approved(), approved()], "approved"),  # sent twice, done once
    ],
)
def test_an_exclusion_is_in_the_state_that_the_sides_left_it_in(steps: list[ExclusionStep], status: str) -> None:
    standing = None
    for event in steps:
        standing = step(standing, event)

    assert standing is not None
    assert standing.status == status


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ([approved()], "no exclusion of this id was proposed"),
        ([proposed(), approved(PROVIDER)], "only the other side can have it approved; the provider proposed it"),
        ([proposed(COUNCIL), approved(COUNCIL)], "only the other side can have it approved; the council proposed it"),
        ([proposed(), rejected(PROVIDER)], "only the other side can have it rejected; the provider proposed it"),
        ([proposed(), withdrawn(COUNCIL)], "only the side that proposed it can have it withdrawn"),
        ([proposed(), approved(), rejected()], "it is approved already"),
        ([proposed(), withdrawn(), approved()], "it is withdrawn already"),
        ([proposed(), proposed(what=replace(NIGHT, service="ict"))], "another exclusion has this id"),
    ],
)
def test_a_step_that_a_side_may_not_take_is_refused_and_changes_nothing(steps: list[ExclusionStep], why: str) -> None:
    standing = None
    for event in steps[:-1]:
        standing = step(standing, event)
    decisions = Decisions()
    for position, event in enumerate(steps, start=1):
        decisions.apply(event, position=position)

    with pytest.raises(NotAllowed, match=why):
        step(standing, steps[-1])
    assert decisions.exclusion(Scope.all(), "X1") == standing


def test_one_id_is_another_exclusion_for_each_council() -> None:
    decisions = Decisions()
    theirs = proposed(what=replace(NIGHT, council="worthing"))
    decisions.apply(proposed(), position=1)
    decisions.apply(theirs, position=2)
    decisions.apply(approved(), position=3)

    adur, worthing = (decisions.exclusion(Scope.of(council), "X1") for council in ("adur", "worthing"))
    assert (adur and adur.status, worthing and worthing.status) == ("approved", "proposed")
    assert (len(decisions.approved("adur")), len(decisions.approved("worthing"))) == (1, 0)
    assert (decisions.cause_of("adur", "X1"), decisions.cause_of("crawley", "X1")) == ("exclusion", "event")
    assert decisions.exclusion(Scope.of("crawley"), "X1") is None
    with pytest.raises(SeveralCouncils):
        decisions.exclusion(Scope.all(), "X1")


def test_compaction_keeps_the_steps_of_each_councils_exclusion_of_one_id() -> None:
    events: list[ExclusionStep] = [proposed(), approved(), proposed(what=replace(NIGHT, council="worthing"))]

    assert len({decision_key(event) for event in events}) == 3


def test_only_an_approved_exclusion_takes_time_out_and_requests_a_correction() -> None:
    decisions = Decisions()
    steps: list[ExclusionStep] = [proposed(), approved()]

    assert [decisions.apply(event, position=n) for n, event in enumerate(steps, 1)] == [False, True]
    (agreed,) = decisions.approved("adur")
    assert (agreed.start, agreed.end, agreed.category) == (
        at("Mon 2026-03-02 10:00"),
        at("Mon 2026-03-02 12:00"),
        "planned-maintenance",
    )
    assert [request.cause for request in decisions.requests(after=1)] == ["X1"]
    assert not decisions.requests(after=2)
    assert not decisions.approved("worthing")


# An item of ict in Adur, opened on Monday 2 March and, where it says so, resolved on Tuesday 3 March, both at noon.
OPEN = [("Mon 2026-03-02 12:00", "opened")]
ENDED = [*OPEN, ("Tue 2026-03-03 12:00", "resolved")]


def stored(lines: list[tuple[str, str]], *, waiting: bool = False) -> Item:
    item = Item(waiting=waiting)
    for line in lines:
        insert_fact(item, fact(*line))
    return item


def span(start: str, end: str, **scope: object) -> ReevaluationRequest:
    return ReevaluationRequest("x", 1, start=at(start), end=at(end), **scope)  # type: ignore[arg-type] # the table's words


@pytest.mark.parametrize(
    ("requested", "item", "concerned"),
    [
        (CATALOGUE_CHANGED, stored(OPEN), True),
        (CATALOGUE_CHANGED, stored(ENDED), False),
        (CATALOGUE_CHANGED, stored(ENDED, waiting=True), True),
        (span("Mon 2026-03-02 09:00", "Mon 2026-03-02 12:00"), stored(ENDED), False),  # over as the item opens
        (span("Mon 2026-03-02 09:00", "Mon 2026-03-02 12:01"), stored(ENDED), True),
        (span("Tue 2026-03-03 12:00", "Tue 2026-03-03 13:00"), stored(ENDED), True),  # begins as the item ends
        (span("Tue 2026-03-03 12:01", "Tue 2026-03-03 13:00"), stored(ENDED), False),
        (span("Fri 2026-05-01 09:00", "Fri 2026-05-01 10:00"), stored(OPEN), True),  # open until somebody ends it
        (span("Mon 2026-03-02 09:00", "Tue 2026-03-03 09:00", council="worthing"), stored(ENDED), False),
        (span("Mon 2026-03-02 09:00", "Tue 2026-03-03 09:00", council="adur", service="ict"), stored(ENDED), True),
        (span("Mon 2026-03-02 09:00", "Tue 2026-03-03 09:00", service="payroll"), stored(ENDED), False),
        (span("Mon 2026-03-02 09:00", "Tue 2026-03-03 09:00", item="T2"), stored(ENDED), False),
    ],
)
def test_a_request_concerns_the_items_whose_span_it_touches(
    requested: ReevaluationRequest, item: Item, concerned: bool
) -> None:
    assert (request_for([requested], item, council="adur", stream="ticket", name="T1") is not None) is concerned


def test_a_run_renews_even_where_an_exclusion_came_after_it() -> None:
    wide = ("Mon 2026-03-02 09:00", "Fri 2026-03-06 17:00")
    run, exclusion = replace(span(*wide), cause="run", renews=True), replace(span(*wide), cause="exclusion")

    assert request_for([run, exclusion], stored(ENDED), council="adur", stream="ticket", name="T1") == run


def test_a_correction_run_is_over_london_dates_and_made_once() -> None:
    scope = CorrectionScope(from_date=date(2026, 3, 1), to_date=date(2026, 4, 1), council="adur")
    event = CorrectionRequested(
        id="c1",
        source="/test",
        subject="march",
        time=local("Wed 2026-04-01 09:00"),
        data=CorrectionRequestedData(scope=scope, requested_by="ops"),
    )
    decisions = Decisions()

    assert [decisions.apply(event, position=n) for n in (3, 4)] == [True, False]
    (request,) = decisions.requests(after=0)
    assert (request.start, request.end) == (at("Sun 2026-03-01 00:00"), at("Wed 2026-04-01 00:00"))
    assert request.end - request.start == timedelta(days=31).total_seconds() - 3600  # the clocks go forward on the 29th
