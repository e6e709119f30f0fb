"""Billing reads the monitor's verdicts: each target of an item counts once, by its latest verdict, in its month."""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from billing.documents.credits_view import credits_view
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.credits.credit_line import CreditLine
from billing.domain.ingest import AcceptedEvent, ingest_record
from billing.ports import IngestBatch
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from shared.clock import WallClock
from shared.contracts.topics import CATALOGUE, VERDICTS
from shared.contracts.verdicts import RetractedData, VerdictEvent, WarningReached
from shared.period import Month
from shared.scope import Scope
from shared.sql.engine import connect
from shared.sql.migrate import migrate
from tests.support.billing_feed import feed, statement_of
from tests.support.credits import (
    agreement_with_credits,
    attainment_of,
    breached,
    corrected,
    credit,
    met,
    retracted,
    target,
    warned,
)
from tests.support.databases import as_owner
from tests.support.forgetting import forget_events
from tests.support.log_reading import shards_of
from tests.support.recharges import ASHBY, ICT, PROVIDER, by_shard, catalogue_events, records, standing, tariff

MAY, JUNE = Month(2026, 5), Month(2026, 6)
ICT_STANDING = tariff(standing("1000.00"), service="ict")
PROMISE = agreement_with_credits(
    target("ict-response"), credits=[credit("ict-response")], tariffs=(ICT_STANDING.id,), since="2026-04-01"
)
CATALOGUED = catalogue_events(ASHBY, PROVIDER, ICT, ICT_STANDING, PROMISE)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as made:
        yield made


def attained(store: SqlStore, month: Month = MAY) -> list[TargetAttainment]:
    with store.snapshot(Scope.all()) as snapshot:
        return snapshot.verdicts.attainment(month, ASHBY.id)


def test_a_verdict_counts_in_the_month_that_it_names(store: SqlStore) -> None:
    late = breached("t-2", at="2026-05-31T23:30:00+00:00", month="2026-06")

    feed(store, VERDICTS, [met("t-1"), late, warned("t-3")])

    assert attained(store) == [attainment_of("ict-response", 1, 1)]
    assert attained(store, JUNE) == [attainment_of("ict-response", 0, 1)]


def test_cycles_targets_services_and_agreements_count_apart(store: SqlStore) -> None:
    feed(
        store,
        VERDICTS,
        [
            met("t-1"),
            breached("t-1", cycle=2),
            met("t-1", id="other", target="ict-resolution"),
            met("t-2", service="payroll"),
            met("t-3", agreement="another"),
        ],
    )

    found = [(each.agreement, each.service, each.target, each.good, each.total) for each in attained(store)]
    assert found == [
        ("another", "ict", "ict-response", 1, 1),
        ("ashby-agreement", "ict", "ict-resolution", 1, 1),
        ("ashby-agreement", "ict", "ict-response", 1, 2),
        ("ashby-agreement", "payroll", "ict-response", 1, 1),
    ]


def test_verdicts_of_one_item_by_two_agreements_and_of_a_ticket_and_a_work_item_are_kept_apart(store: SqlStore) -> None:
    """Each pair shares all of its key but the agreement, or the stream."""
    feed(store, VERDICTS, [met("t-1"), breached("t-1", id="other", agreement="another")])
    feed(store, VERDICTS, [breached("t-1", id="work", stream="work"), retracted("t-1", id="gone", agreement="another")])

    assert [(each.agreement, each.good, each.total) for each in attained(store)] == [("ashby-agreement", 1, 2)]


def test_a_miss_by_one_agreement_credits_by_no_other_agreements_target(store: SqlStore) -> None:
    """Both have a target of the same id for the same service; the second one's is the only one that is missed."""
    evening = msgspec.structs.replace(PROMISE, id="evening", title="Evenings", tariffs=())
    feed(store, CATALOGUE, catalogue_events(ASHBY, PROVIDER, ICT, ICT_STANDING, PROMISE, evening))
    ten = [f"t-{number}" for number in range(10)]
    feed(store, VERDICTS, [met(item) for item in ten])
    feed(store, VERDICTS, [breached(item, id=f"{item}-evening", agreement="evening") for item in ten])

    core, late = statement_of(store, MAY).credits

    assert (core.agreement, core.attained.good, core.attained.total, core.earned_pence) == (
        "ashby-agreement",
        10,
        10,
        0,
    )
    assert (late.agreement, late.attained.good, late.attained.total, late.judgement) == ("evening", 0, 10, "missed")
    assert core.ref != late.ref
    explained = Statements(store, WallClock()).explain(
        ASHBY.id, MAY, late.ref, after=None, limit=100, scope=Scope.all()
    )
    assert {(each.stream, each.item) for each in explained.counted} == {("ticket", item) for item in ten}
    view = credits_view(statement_of(store, MAY))
    assert view is not None
    assert [row.label for row in view.rows] == ["ICT: ict-response (Shared services)", "ICT: ict-response (Evenings)"]


def test_the_values_of_items_are_summed_and_an_item_without_one_adds_nothing(store: SqlStore) -> None:
    feed(store, VERDICTS, [met("t-1", value_pence=2**52), breached("t-2", value_pence=100), met("t-3")])

    assert attained(store) == [attainment_of("ict-response", 2, 3, pence=(2**52, 2**52 + 100))]


def test_a_correction_may_move_a_verdict_to_another_month(store: SqlStore) -> None:
    feed(store, VERDICTS, [breached("t-1"), corrected("t-1", "met", month="2026-06")])

    assert (attained(store), attained(store, JUNE)) == ([], [attainment_of("ict-response", 1, 1)])


def test_a_retracted_verdict_counts_in_no_month_until_another_is_published(store: SqlStore) -> None:
    feed(store, VERDICTS, [breached("t-1"), retracted("t-1")])
    between = attained(store)

    feed(store, VERDICTS, [met("t-1")])

    assert (between, attained(store)) == ([], [attainment_of("ict-response", 1, 1)])


def test_a_verdict_published_again_after_its_correction_changes_nothing(store: SqlStore) -> None:
    first = breached("t-1")
    feed(store, VERDICTS, [first, corrected("t-1", "met")])

    feed(store, VERDICTS, [first])

    assert attained(store) == [attainment_of("ict-response", 1, 1)]
    assert all(each.unaccounted == 0 for each in store.progress())


def test_another_verdict_under_a_known_id_is_quarantined_and_the_first_stays(store: SqlStore) -> None:
    feed(store, VERDICTS, [met("t-1", id="one")])

    feed(store, VERDICTS, [breached("t-1", id="one")])

    assert attained(store) == [attainment_of("ict-response", 1, 1)]
    quarantined = [
        record for shard in shards_of(VERDICTS) for record in store.quarantine.read(shard, after_offset=-1, limit=10)
    ]
    assert [record.reason for record in quarantined] == ["ID_REUSE_CONFLICT"]


def test_an_older_record_stored_later_does_not_replace_a_newer_one(store: SqlStore) -> None:
    events = [breached("t-1"), corrected("t-1", "met")]
    ((shard, _),) = by_shard(VERDICTS, events).items()
    judged = [ingest_record(shard, record) for record in records(events)]
    newest_first = [each for each in reversed(judged) if isinstance(each, AcceptedEvent)]

    store.apply(IngestBatch(shard, 0, 2, newest_first, 0, []), expected=None)

    assert attained(store) == [attainment_of("ict-response", 1, 1)]


def may_credit(store: SqlStore) -> CreditLine:
    (line,) = statement_of(store, MAY).credits
    return line


def test_a_month_that_missed_its_objective_is_credited_until_a_correction_meets_it(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    feed(store, VERDICTS, [breached("t-1"), *(met(f"t-{n}") for n in range(2, 11))])
    missed = may_credit(store)

    feed(store, VERDICTS, [corrected("t-1", "met")])

    # 9 of 10 are 5 points below 95%: 5% of £1,000.00.
    assert (missed.applied_pence, may_credit(store).applied_pence) == (5_000, 0)


def test_a_credit_is_explained_by_its_misses_page_by_page(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    misses = [breached(f"t-{n}", at=f"2026-05-{n:02}T12:00:00+00:00") for n in (20, 5, 12)]
    feed(store, VERDICTS, [*misses, met("t-1"), breached("t-2", month="2026-06")])
    ref = may_credit(store).ref

    first = Statements(store, WallClock()).explain(ASHBY.id, MAY, ref, after=None, limit=2, scope=Scope.all())
    second = Statements(store, WallClock()).explain(
        ASHBY.id, MAY, ref, after=first.next_cursor, limit=2, scope=Scope.all()
    )

    assert first.line == may_credit(store)
    assert [(each.id, each.item) for each in (*first.counted, *second.counted)] == [
        ("t-5-breached", "t-5"),
        ("t-12-breached", "t-12"),
        ("t-20-breached", "t-20"),
    ]
    assert second.next_cursor is None


def test_credits_of_earlier_months_count_towards_a_years_cap(store: SqlStore) -> None:
    capped = agreement_with_credits(
        target("ict-response"),
        credits=[credit("ict-response")],
        tariffs=(ICT_STANDING.id,),
        since="2026-04-16",
        year_gbp="120.00",
    )
    feed(store, CATALOGUE, catalogue_events(ASHBY, PROVIDER, ICT, ICT_STANDING, capped))
    months = [Month(2026, 4), MAY, JUNE]
    feed(store, VERDICTS, [breached(f"t-{month}", month=str(month)) for month in months])

    found = [statement_of(store, month).credits_pence for month in months]

    # 10% each of £500.00 for half of April, then of £1,000.00; £120.00 in all.
    assert found == [5_000, 7_000, 0]


def test_a_months_sums_are_answered_from_the_index_alone(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/billing.db")
    migrate(engine, "billing")
    sent: list[tuple[str, Any]] = []
    event.listen(
        engine, "before_cursor_execute", lambda _, __, statement, values, *___: sent.append((statement, values))
    )

    attained(SqlStore(engine))

    statement, values = sent[-1]
    with engine.connect() as connection:
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    engine.dispose()
    assert "USING COVERING INDEX verdict_by_month (month=? AND council=?)" in steps[0][-1]
    assert not [step for step in steps if "TEMP B-TREE" in step[-1]]


@pytest.fixture(scope="module")
def emptied(module_database_of: Callable[[str], str]) -> Iterator[tuple[SqlStore, Callable[[], None]]]:
    """A store, and what makes it forget everything: a database for each example takes long."""
    url = module_database_of("billing")
    owner = connect(as_owner(url))

    with closing(SqlStore.open(url)) as made:
        yield made, partial(forget_events, made, owner)
    owner.dispose()


items, months = st.sampled_from(["a", "b", "c"]), st.sampled_from(["2026-05", "2026-06"])
agreements, streams = st.sampled_from(["core", "evening"]), st.sampled_from(["ticket", "work"])


@st.composite
def histories(draw: st.DrawFn) -> list[VerdictEvent]:
    """Verdicts on a few items, every event with an id of its own."""
    published: list[VerdictEvent] = []
    for number in range(draw(st.integers(1, 15))):
        item = draw(items)
        about: dict[str, Any] = {"id": str(number), "cycle": draw(st.integers(1, 2)), "month": draw(months)}
        about |= {"agreement": draw(agreements), "stream": draw(streams)}
        outcome = draw(st.sampled_from(["met", "breached", "corrected", "retracted"]))
        match outcome:
            case "met":
                published.append(met(item, **about))
            case "breached":
                published.append(breached(item, **about))
            case "corrected":
                published.append(corrected(item, draw(st.sampled_from(["met", "breached"])), **about))
            case _:
                published.append(retracted(item, **about))
    return published


def naive(history: Sequence[VerdictEvent], month: str) -> list[tuple[str, int, int]]:
    """Good and total of the month by agreement: the latest verdict of each key, one event at a time."""
    last = {
        (event.data.agreement, event.data.stream, event.subject, event.data.cycle): event.data
        for event in history
        if not isinstance(event, WarningReached)
    }
    held = [data for data in last.values() if not isinstance(data, RetractedData) and data.month == month]
    counted = Counter((data.agreement, data.outcome) for data in held)
    return [
        (agreement, counted[agreement, "met"], counted[agreement, "met"] + counted[agreement, "breached"])
        for agreement in sorted({data.agreement for data in held})
    ]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(), chance=st.randoms(use_true_random=False))
def test_any_batches_with_any_repetition_hold_what_the_naive_rule_holds(
    emptied: tuple[SqlStore, Callable[[], None]], history: list[VerdictEvent], chance: random.Random
) -> None:
    store, forget = emptied
    forget()
    sent = [
        again for position, event in enumerate(history) for again in (event, *chance.sample(history[: position + 1], 1))
    ]
    while sent:
        size = chance.randint(1, len(sent))
        feed(store, VERDICTS, sent[:size])
        sent = sent[size:]

    for month in (MAY, JUNE):
        found = [(each.agreement, each.good, each.total) for each in attained(store, month)]
        assert found == naive(history, str(month))
