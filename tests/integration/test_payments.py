"""Payments of statements: recorded, in parts, taken back, imported from a CSV; and what the ledger says of them."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date

import pytest
from sqlalchemy import select

from billing.domain.amounts_due import AmountsDue
from billing.domain.lifecycle import StepRefused
from billing.domain.payment_rows import payment_rows
from billing.domain.payments import WantedPayment
from billing.domain.queries import InvalidStep
from billing.statements.payments import PAGE, Imported, NotIssued, Payments, UnknownPayment
from billing.statements.queries import Queries, WantedAnswer, WantedQuery
from billing.store import tables
from billing.store.sql import SqlStore
from billing.store.steps import SqlStepWriter
from shared.auth.principal import Principal
from shared.clock import FixedClock
from shared.contracts.codec import decode_event
from shared.contracts.definitions import Council
from shared.contracts.statements import PaymentRecorded
from shared.contracts.topics import STATEMENTS
from shared.scope import Scope
from tests.support.billing_feed import MAY, feed
from tests.support.issued_statements import (
    FINANCE,
    JUNE_9,
    agreed,
    charge,
    council_finance,
    issue,
    payroll_line,
    steps_at,
)
from tests.support.recharges import ASHBY

BURTON = Council(id="burton", name="Burton")
TODAY = date(2026, 6, 9)
HEADER = "number,amount,paid_on,reference,payment\n"


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as store:
        yield store


@pytest.fixture
def issued(store: SqlStore) -> SqlStore:
    """£442.00 before VAT, which is standard: £530.40."""
    charge(store, agreed(treatment="standard"))
    issue(store)
    return store


def payments_of(store: SqlStore) -> Payments:
    return Payments(store, FixedClock(JUNE_9))


def pay(store: SqlStore, id_: str, pence: int, *, on_account: bool = False, written_off: bool = False) -> None:
    wanted = WantedPayment(id_, pence, TODAY, "BACS 17", on_account, written_off)
    payments_of(store).record(FINANCE, ASHBY.id, MAY, wanted)


def amounts_due(store: SqlStore) -> AmountsDue:
    return steps_at(store).draft(ASHBY.id, MAY, scope=Scope.all()).amounts_due


def balances(store: SqlStore) -> dict[str, int]:
    found: Counter[str] = Counter()
    table = tables.ledger_entry.c
    with store._engine.connect() as connection:
        for row in connection.execute(select(table.account, table.amount_pence)):
            found[row.account] += row.amount_pence
    return {account: pence for account, pence in found.items() if pence}


def test_part_payments_make_a_statement_part_paid_and_then_paid(issued: SqlStore) -> None:
    assert amounts_due(issued) == AmountsDue(44_200, 8_840, 0, 0, 0, 53_040, 0, 0, "unpaid")

    pay(issued, "p-1", 50_000)

    assert amounts_due(issued) == AmountsDue(44_200, 8_840, 0, 0, 50_000, 3_040, 0, 0, "part-paid")
    pay(issued, "p-2", 3_040)
    assert amounts_due(issued) == AmountsDue(44_200, 8_840, 0, 0, 53_040, 0, 0, 0, "paid")
    assert balances(issued) == {"bank": 53_040, "income": -44_200, "vat": -8_840}


def test_more_than_is_to_be_paid_is_refused_with_what_is_unless_it_is_on_account(issued: SqlStore) -> None:
    pay(issued, "p-1", 50_000)

    with pytest.raises(InvalidStep, match=r"at most £30\.40, which is still to be paid"):
        pay(issued, "p-2", 3_041)
    pay(issued, "p-2", 3_041, on_account=True)

    assert (amounts_due(issued).due_pence, amounts_due(issued).status) == (-1, "paid")
    assert balances(issued)["receivable"] == -1


def test_a_payment_sent_again_is_recorded_once_and_another_under_its_id_is_refused(issued: SqlStore) -> None:
    pay(issued, "p-1", 100)
    pay(issued, "p-1", 100)

    assert amounts_due(issued).paid_pence == 100
    with pytest.raises(StepRefused, match="recorded already, with another amount"):
        pay(issued, "p-1", 200)


def test_a_payment_taken_back_counts_no_longer_and_its_id_is_not_used_again(issued: SqlStore) -> None:
    pay(issued, "p-1", 53_040)
    taken = payments_of(issued).take_back(FINANCE, ASHBY.id, MAY, "p-1", words="It was Burton's")

    assert (amounts_due(issued).status, amounts_due(issued).due_pence) == ("unpaid", 53_040)
    assert balances(issued) == {"receivable": 53_040, "income": -44_200, "vat": -8_840}
    assert payments_of(issued).take_back(FINANCE, ASHBY.id, MAY, "p-1", words="It was Burton's") == taken
    with pytest.raises(StepRefused, match=r"p-1 was taken back \(It was Burton's\)"):
        pay(issued, "p-1", 53_040)
    with pytest.raises(StepRefused, match="taken back already"):
        payments_of(issued).take_back(FINANCE, ASHBY.id, MAY, "p-1", words="Again")


def test_what_is_written_off_is_asked_for_no_longer_and_was_not_received(issued: SqlStore) -> None:
    pay(issued, "p-1", 53_000)
    pay(issued, "p-2", 40, written_off=True)

    assert amounts_due(issued).status == "paid"
    assert (balances(issued)["bank"], balances(issued)["write-off"]) == (53_000, 40)
    with pytest.raises(InvalidStep, match="no more can be written off"):
        pay(issued, "p-3", 1, written_off=True, on_account=True)


def test_a_query_holds_its_line_with_vat_and_nothing_that_was_paid(issued: SqlStore) -> None:
    queries = Queries(issued, FixedClock(JUNE_9))
    wanted = WantedQuery("q-1", "Twice", line=payroll_line(issued), held_pence=10_000)
    queries.raise_query(council_finance(), ASHBY.id, MAY, wanted)
    assert (amounts_due(issued).held_pence, amounts_due(issued).due_pence) == (12_000, 41_040)

    pay(issued, "p-1", 50_000)

    assert (amounts_due(issued).held_pence, amounts_due(issued).due_pence) == (3_040, 0)
    queries.answer(FINANCE, ASHBY.id, MAY, "q-1", WantedAnswer("upheld", "Each was another"))
    assert (amounts_due(issued).held_pence, amounts_due(issued).due_pence) == (0, 3_040)


@pytest.mark.parametrize("paid_on", [date(2026, 6, 10), date(2026, 4, 30), date(2062, 6, 9)])
def test_a_payment_is_not_of_the_future_or_from_before_the_month(issued: SqlStore, paid_on: date) -> None:
    with pytest.raises(InvalidStep, match="expected a date from 2026-05-01 to today"):
        payments_of(issued).record(FINANCE, ASHBY.id, MAY, WantedPayment("p-1", 1, paid_on))


def test_only_what_was_issued_is_paid(store: SqlStore) -> None:
    charge(store)

    with pytest.raises(NotIssued):
        pay(store, "p-1", 1)
    with pytest.raises(UnknownPayment):
        payments_of(store).take_back(FINANCE, ASHBY.id, MAY, "p-1", words="Why not")


def test_whoever_may_not_see_a_council_records_nothing_for_it(issued: SqlStore) -> None:
    other = Principal.of("finance-b", "person", ("finance",), Scope.of(BURTON.id))

    with pytest.raises(NotIssued):
        payments_of(issued).record(other, ASHBY.id, MAY, WantedPayment("p-1", 1, TODAY))
    assert imported(issued, "2026-27.0001,1.00,2026-06-09,,p-1\n", caller=other).faults[0].column == "number"


def test_payments_at_the_same_time_never_come_to_more_than_was_to_be_paid(issued: SqlStore) -> None:
    def record(number: int) -> bool:
        try:
            pay(issued, f"p-{number}", 30_000)
        except InvalidStep:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(record, range(8))).count(True) == 1
    assert amounts_due(issued).paid_pence == 30_000


def imported(store: SqlStore, rows: str, *, dry_run: bool = False, caller: Principal = FINANCE) -> Imported:
    read, faults = payment_rows((HEADER + rows).encode())
    assert faults == []
    return payments_of(store).import_rows(caller, read, dry_run=dry_run)


ROWS = (
    "2026-27.0001,500.00,2026-06-08,BACS 17,b-1\n"
    "2026-27.0001,30.41,2026-06-08,BACS 18,b-2\n"
    "2026-27.0009,1.00,2026-06-08,BACS 19,b-3\n"
    "2026-27.0001,30.4,2026-06-08,BACS 20,b-4\n"
)


def test_a_csv_records_the_rows_that_can_be_and_names_the_others_by_their_lines(issued: SqlStore) -> None:
    found = imported(issued, ROWS)

    assert [each.id for each in found.recorded] == ["b-1", "b-4"]
    assert [(fault.line, fault.column) for fault in found.faults] == [(3, "amount"), (4, "number")]
    assert amounts_due(issued).status == "paid"


def test_a_dry_run_says_what_an_import_would_do_and_keeps_nothing(issued: SqlStore) -> None:
    would = imported(issued, ROWS, dry_run=True)

    assert amounts_due(issued).status == "unpaid"
    assert imported(issued, ROWS) == would


def test_a_csv_imported_again_records_nothing_twice(issued: SqlStore) -> None:
    imported(issued, ROWS)
    again = imported(issued, ROWS)

    assert (again.recorded, again.known) == ((), 2)
    assert amounts_due(issued).paid_pence == 53_040


class CountingStore(SqlStore):
    """Counts the rows that are recorded while others wait."""

    recorded: list[int]

    @contextmanager
    def taking_steps(self) -> Iterator[SqlStepWriter]:
        with super().taking_steps() as writer:
            before = len(writer.of_types([PaymentRecorded]))
            yield writer
            self.recorded.append(len(writer.of_types([PaymentRecorded])) - before)


def test_a_long_csv_is_recorded_in_pages_between_which_others_take_steps(issued: SqlStore) -> None:
    counting = CountingStore(issued._engine)
    counting.recorded = []
    rows = "".join(f"2026-27.0001,0.01,2026-06-08,BACS {number},b-{number}\n" for number in range(2 * PAGE + 7))

    would = imported(counting, rows, dry_run=True)
    assert counting.recorded == []
    assert imported(counting, rows) == would
    assert counting.recorded == [PAGE, PAGE, 7]
    assert imported(counting, rows).known == 2 * PAGE + 7


def test_a_csv_that_was_recorded_in_part_is_recorded_whole_when_it_is_imported_again(issued: SqlStore) -> None:
    rows = [f"2026-27.0001,1.00,2026-06-08,BACS {number},b-{number}\n" for number in range(PAGE + 3)]
    imported(issued, "".join(rows[:PAGE]))

    again = imported(issued, "".join(rows))

    assert (len(again.recorded), again.known) == (3, PAGE)
    assert amounts_due(issued).paid_pence == 100 * len(rows)


def test_a_payment_is_of_one_statement_however_its_number_is_mistyped_later(store: SqlStore) -> None:
    charge(store, agreed(), agreed(BURTON.id), councils=(ASHBY, BURTON))
    issue(store)
    issue(store, BURTON.id)

    assert len(imported(store, "2026-27.0001,1.00,2026-06-08,,b-1\n2026-27.0002,1.00,2026-06-08,,b-1\n").recorded) == 2
    assert imported(store, "2026-27.0001,2.00,2026-06-08,,b-1\n").faults[0].column == "payment"


def test_a_restored_database_reads_payments_and_their_entries_back(
    issued: SqlStore, tmp_path_factory: pytest.TempPathFactory
) -> None:
    imported(issued, ROWS)
    payments_of(issued).take_back(FINANCE, ASHBY.id, MAY, "b-4", words="Bounced")
    with issued._engine.connect() as connection:
        rows = connection.execute(select(tables.outbox.c.value).order_by(tables.outbox.c.position)).scalars().all()
    with closing(SqlStore.open(f"sqlite:///{tmp_path_factory.mktemp('restored')}/billing.db")) as restored:
        charge(restored, agreed(treatment="standard"))
        for _ in range(2):
            feed(restored, STATEMENTS, [decode_event(value) for value in rows])

        assert amounts_due(restored) == amounts_due(issued)
        assert balances(restored) == balances(issued)
        with pytest.raises(StepRefused, match="was taken back"):
            payments_of(restored).record(
                FINANCE, ASHBY.id, MAY, WantedPayment("b-4", 3_040, date(2026, 6, 8), "BACS 20")
            )
