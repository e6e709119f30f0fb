"""It does not matter when an exclusion is approved: what is announced in the end is the same."""

from hypothesis import assume, given
from hypothesis import strategies as st

from sla_monitor.domain.announcements import Trigger, announce
from sla_monitor.domain.clock.cycles import ExcludedTime
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.domain.decisions import request_for, request_of
from sla_monitor.domain.facts import AnyFact
from sla_monitor.domain.item import Item, LastPublished, insert_fact
from tests.support.laws import law
from tests.unit.sla_monitor.test_verdict_laws import END, START, TARGETS, histories

LATER = END + 30 * 86_400
_instants = st.integers(START // 600, END // 600).map(lambda ten_minutes: ten_minutes * 600)
exclusions = st.builds(
    lambda start, hours, target: ExcludedTime(
        "X1", start, start + hours * 3600, "force-majeure", council="adur", target=target
    ),
    _instants,
    st.integers(1, 60),
    st.none() | st.sampled_from(["resolve", "days", "again"]),
)


def judge(item: Item, agreed: tuple[ExcludedTime, ...], *, as_of: int) -> int:
    """The item has announced what holds at `as_of`; returns how many messages that took."""
    evaluation = evaluate(
        item.facts, council="adur", stream="ticket", item="T1", agreement_index=TARGETS, exclusions=agreed, as_of=as_of
    )
    events, item.announced = announce(item.announced, evaluation, Trigger("adur", "T1", "X1", as_of))
    return len(events)


def figures(item: Item) -> dict[str, tuple[object, ...]]:
    def of(announced: LastPublished) -> tuple[object, ...]:
        verdict = announced.verdict
        return (
            ()
            if verdict is None
            else (verdict.outcome, verdict.month, verdict.due_at, verdict.stopped_at, verdict.elapsed_s)
        )

    return {name: of(announced) for name, announced in item.announced.items() if announced.verdict is not None}


@law
@given(histories, exclusions)
def test_an_exclusion_approved_after_everything_ended_gives_the_verdicts_of_one_approved_before(
    facts: list[AnyFact], agreed: ExcludedTime
) -> None:
    before, after = Item(), Item()
    for each in facts:
        insert_fact(before, each)
        insert_fact(after, each)

    judge(before, (agreed,), as_of=LATER)
    judge(after, (), as_of=LATER)
    if (
        request_for([request_of(agreed, position=1, at=LATER)], after, council="adur", stream="ticket", name="T1")
        is not None
    ):
        judge(after, (agreed,), as_of=LATER)

    assert figures(after) == figures(before)


@law
@given(histories, exclusions)
def test_evaluating_again_without_news_announces_nothing(facts: list[AnyFact], agreed: ExcludedTime) -> None:
    item = Item()
    for each in facts:
        insert_fact(item, each)
    assume(judge(item, (), as_of=LATER))
    judge(item, (agreed,), as_of=LATER)

    assert judge(item, (agreed,), as_of=LATER) == 0
