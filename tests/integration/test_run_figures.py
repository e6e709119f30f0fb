"""What operations watch of the statement run, from the database: the same for every instance, and 0 from the start."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import msgspec
import pytest

from billing.domain.differences import FigureDifference, RecomputationResult
from billing.domain.payments import WantedPayment
from billing.run_metrics import RUN_METRICS, samples_of
from billing.statements.drafts import draft_in
from billing.statements.payments import Payments
from billing.statements.queries import Queries, WantedAnswer, WantedQuery
from billing.statements.recomputation import Recomputation
from billing.statements.run_figures import CouncilFigures, QueryFigures, RunFigures, StatementRun
from billing.store.ledger import SqlLedger
from billing.store.sql import SqlStore
from billing.store.steps import SqlSteps
from shared.clock import FixedClock
from shared.contracts.definitions import Council
from shared.period import Month
from shared.scope import Scope
from tests.support.billing_feed import MAY
from tests.support.issued_statements import (
    APPROVER,
    FINANCE,
    JUNE_9,
    agreed,
    charge,
    council_finance,
    issue,
    payroll_line,
    steps_at,
    use,
)
from tests.support.recharges import ASHBY

BURTON = Council(id="burton", name="Burton")
NOTHING = CouncilFigures(0, 0.0, 0.0, 0, 0, QueryFigures())
DAY_S = 86_400
DIFFERENCES = (
    FigureDifference("line", "payroll", "amount", "£1.00", "£8.05", 705),
    FigureDifference("line", "payroll", "quantity", "1", "2"),
)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


def figures(store: SqlStore, at: datetime = JUNE_9) -> RunFigures:
    return StatementRun(store, FixedClock(at)).figures()


def charged(store: SqlStore, *, issue_days: int | None = None) -> None:
    """Two councils have used payslips in May, the first month of their agreements."""
    since = {"effective_from": MAY.first_day, "issue_days": issue_days}
    charge(
        store,
        *(msgspec.structs.replace(agreed(each.id), **since) for each in (ASHBY, BURTON)),
        councils=(ASHBY, BURTON),
    )


@contextmanager
def recomputed(store: SqlStore, recomputation: Recomputation) -> Iterator[Sequence[RecomputationResult]]:
    """Somebody has looked at the close of May: what is then to be kept."""
    with store.snapshot(Scope.all()) as snapshot:
        recomputation.differences(snapshot, draft_in(snapshot, ASHBY.id, MAY, "draft"))
    with recomputation.newest() as results:
        yield results


def test_every_council_has_its_figures_at_0_before_anything_happened(store: SqlStore) -> None:
    charged(store)

    found = figures(store)

    assert found.councils == {ASHBY.id: NOTHING, BURTON.id: NOTHING}
    assert found.statements == {
        (MAY, "draft"): 2,
        (MAY, "in-review"): 0,
        (MAY, "checked"): 0,
        (MAY, "approved"): 0,
        (MAY, "issued"): 0,
    }
    assert samples_of(found, ledger_pence=0, mails={}).keys() == set(RUN_METRICS)


def test_the_run_goes_from_state_to_state(store: SqlStore) -> None:
    charged(store)
    steps = steps_at(store)
    seen = steps.draft(ASHBY.id, MAY, scope=Scope.all()).sha256
    steps.check(FINANCE, ASHBY.id, MAY, sha256=seen)
    steps.approve(APPROVER, ASHBY.id, MAY, sha256=seen)
    steps.open_review(FINANCE, BURTON.id, MAY)

    approved = figures(store, JUNE_9 + timedelta(days=2))
    issue(store)
    issued = figures(store, JUNE_9 + timedelta(days=2))

    assert {state: count for (_, state), count in approved.statements.items() if count} == {
        "approved": 1,
        "in-review": 1,
    }
    assert approved.councils[ASHBY.id].issuable_s == 2 * DAY_S
    assert approved.councils[BURTON.id] == NOTHING
    assert {state: count for (_, state), count in issued.statements.items() if count} == {"issued": 1, "in-review": 1}
    assert issued.councils[ASHBY.id] == NOTHING


def test_a_statement_is_late_once_its_day_is_over_until_it_is_issued(store: SqlStore) -> None:
    charged(store, issue_days=9)

    on_the_day, after = figures(store), figures(store, datetime(2026, 6, 10, 23, 0, tzinfo=UTC))
    issue(store)

    assert on_the_day.councils[ASHBY.id] == NOTHING
    assert (after.councils[ASHBY.id].late, after.councils[ASHBY.id].late_s) == (1, DAY_S)
    assert after.councils[BURTON.id].late == 1
    later = figures(store, datetime(2026, 6, 10, 23, 0, tzinfo=UTC))
    assert (later.councils[ASHBY.id].late, later.councils[BURTON.id].late) == (0, 1)


def test_months_before_the_agreement_gave_a_date_are_not_late(store: SqlStore) -> None:
    charge(store, agreed())

    found = figures(store)

    assert found.councils[ASHBY.id].late == 0
    assert len({month for month, _ in found.statements}) == 12


def test_a_query_is_open_then_overdue_and_holds_its_amount_with_vat(store: SqlStore) -> None:
    charge(store, agreed(treatment="standard"), agreed(BURTON.id), councils=(ASHBY, BURTON))
    issue(store)
    queries = Queries(store, FixedClock(JUNE_9))
    wanted = WantedQuery("q-1", "We count fewer", payroll_line(store), held_pence=10_000)

    queries.raise_query(council_finance(), ASHBY.id, MAY, wanted)

    raised, overdue = figures(store), figures(store, datetime(2026, 6, 24, 10, tzinfo=UTC))
    assert raised.councils[ASHBY.id].queries == QueryFigures(open=1, overdue=0, held_pence=12_000)
    assert overdue.councils[ASHBY.id].queries == QueryFigures(open=1, overdue=1, held_pence=12_000)
    assert raised.councils[BURTON.id].queries == QueryFigures()


def test_what_a_query_credited_is_held_until_a_later_document_carries_it(store: SqlStore) -> None:
    charge(store)
    issue(store)
    queries = Queries(store, FixedClock(JUNE_9))
    queries.raise_query(council_finance(), ASHBY.id, MAY, WantedQuery("q-1", "Too many", payroll_line(store)))
    queries.answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "So it is", credited_pence=442))

    credited = figures(store)
    use(store, ASHBY.id, "10", "2026-06-12")
    issue(store, month=Month(2026, 6), at=datetime(2026, 7, 9, 10, tzinfo=UTC))

    assert credited.councils[ASHBY.id].queries == QueryFigures(held_pence=442)
    assert figures(store, datetime(2026, 7, 10, tzinfo=UTC)).councils[ASHBY.id].queries == QueryFigures()


def test_what_every_query_came_to_is_not_read_again_at_each_sample(store: SqlStore) -> None:
    charge(store)
    issue(store)
    queries, run = Queries(store, FixedClock(JUNE_9)), StatementRun(store, FixedClock(JUNE_9))
    line = payroll_line(store)
    queries.raise_query(council_finance(), ASHBY.id, MAY, WantedQuery("q-1", "Too many", line))
    queries.answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("upheld", "They are right"))

    with patch.object(SqlSteps, "steps", autospec=True, side_effect=SqlSteps.steps) as read:
        assert run.figures().councils[ASHBY.id].queries == QueryFigures()
        first = read.call_count
        assert run.figures().councils[ASHBY.id].queries == QueryFigures()
        assert (first, read.call_count) == (1, 1)

    queries.raise_query(council_finance(), ASHBY.id, MAY, WantedQuery("q-2", "Still too many", line, held_pence=100))
    assert run.figures().councils[ASHBY.id].queries == QueryFigures(open=1, held_pence=100)


def test_what_was_paid_and_credited_is_looked_at_until_a_document_has_booked_it(store: SqlStore) -> None:
    charge(store)
    issue(store)
    queries, run = Queries(store, FixedClock(JUNE_9)), StatementRun(store, FixedClock(JUNE_9))
    payments = Payments(store, FixedClock(JUNE_9))
    queries.raise_query(council_finance(), ASHBY.id, MAY, WantedQuery("q-1", "Too many", payroll_line(store)))
    queries.answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("credited", "So it is", credited_pence=442))
    payments.record(FINANCE, ASHBY.id, MAY, WantedPayment("bacs-1", 44_200, JUNE_9.date()))
    assert run.figures().councils[ASHBY.id].queries == QueryFigures()

    payments.take_back(FINANCE, ASHBY.id, MAY, "bacs-1", words="Bounced")

    assert run.figures().councils[ASHBY.id].queries == QueryFigures(held_pence=442)


def test_a_payment_leaves_less_to_be_held(store: SqlStore) -> None:
    charge(store)
    issue(store)
    queries = Queries(store, FixedClock(JUNE_9))
    queries.raise_query(council_finance(), ASHBY.id, MAY, WantedQuery("q-1", "Too many", payroll_line(store)))

    before = figures(store).councils[ASHBY.id].queries.held_pence
    paid = WantedPayment("bacs-1", before - 100, JUNE_9.date())
    Payments(store, FixedClock(JUNE_9)).record(FINANCE, ASHBY.id, MAY, paid)

    assert (before, figures(store).councils[ASHBY.id].queries.held_pence) == (44_200, 100)


def test_a_difference_is_shown_until_the_newest_recomputation_finds_none(store: SqlStore) -> None:
    charged(store)
    first, second = Recomputation(FixedClock(JUNE_9)), Recomputation(FixedClock(JUNE_9 + timedelta(seconds=1)))

    with patch("billing.statements.recomputation.compared", lambda *_: DIFFERENCES), recomputed(store, first) as found:
        store.keep_recomputations(found)
    wrong = figures(store).councils[ASHBY.id]
    with recomputed(store, second) as found:
        store.keep_recomputations(found)

    assert (wrong.differing, wrong.difference_pence) == (2, 705)
    assert figures(store).councils[ASHBY.id] == NOTHING


def test_of_two_results_the_newer_one_is_kept_in_whatever_order_they_are_stored(store: SqlStore) -> None:
    charged(store)
    newer, older = (RecomputationResult(ASHBY.id, MAY, 1, pence, JUNE_9 - timedelta(pence)) for pence in (1, 2))

    for results in ([newer], [older], []):
        store.keep_recomputations(results)

    assert figures(store).councils[ASHBY.id].difference_pence == 1


def test_a_result_that_could_not_be_kept_is_kept_the_next_time(store: SqlStore) -> None:
    charged(store)
    recomputation = Recomputation(FixedClock(JUNE_9))
    with pytest.raises(OSError, match="away"), recomputed(store, recomputation):
        raise OSError("the database is away")

    with recomputation.newest() as again:
        assert [each.council for each in again] == [ASHBY.id]
    with recomputation.newest() as kept:
        assert kept == []


def test_the_ledger_is_summed_again_once_a_hundred_times_its_cost_has_passed(store: SqlStore) -> None:
    charge(store)
    issue(store)
    elapsed = iter([0.0, 2.0, 201.9, 202.0, 203.0])
    run = StatementRun(store, FixedClock(JUNE_9), elapsed=lambda: next(elapsed))

    sums = iter([0, 7])
    with patch.object(SqlLedger, "ledger_sum", lambda _: next(sums)):
        assert [run.ledger_pence() for _ in range(3)] == [0, 0, 7]
