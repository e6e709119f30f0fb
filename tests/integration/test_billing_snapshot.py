"""Billing reads in one snapshot and in one scope: no statement mixes two states, none shows another council's data."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from unittest.mock import patch

import pytest
from msgspec.structs import replace

from billing.domain.canonical import content_hash
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.statement import UnknownCouncil
from billing.memo import Memo
from billing.ports import MissFilter, UsageFilter
from billing.statements.drafts import Statements
from billing.store.sql import SqlStore
from billing.store.verdicts import SqlVerdicts
from shared.clock import WallClock
from shared.contracts.definitions import Council
from shared.contracts.topics import CATALOGUE, USAGE, VERDICTS
from shared.period import Month
from shared.scope import Scope
from tests.support.billing_feed import MAY, feed, statement_of
from tests.support.credits import AGREEMENT, MAY_DAY, agreement_with_credits, breached, target
from tests.support.recharges import ASHBY, ICT, PAYROLL, PROVIDER, agreement, catalogue_events, recorded, tariff, unit

BEXHILL = Council(id="bexhill", name="Bexhill")
TARIFF = tariff(unit("4.42"), service=PAYROLL.id)
PAYROLL_ERRORS = target("payroll-errors", PAYROLL.id)
CATALOGUED = catalogue_events(
    *(ASHBY, BEXHILL, PROVIDER, ICT, PAYROLL, TARIFF),
    agreement_with_credits(PAYROLL_ERRORS, tariffs=(TARIFF.id,)),
    agreement(TARIFF.id, council=BEXHILL.id),
)
MISSED = breached("t-1", target=PAYROLL_ERRORS.id, service=PAYROLL.id)
ASHBY_ALONE = Scope.of(ASHBY.id)


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    """A store that knows two councils, with a reading of each, one of an unknown council, and a miss at Ashby."""
    first = recorded("r-1", MAY_DAY, "10")
    others = [replace(first, council=council, id=council) for council in (BEXHILL.id, "camber")]
    with closing(SqlStore.open(database_of("billing"))) as opened:
        feed(opened, CATALOGUE, CATALOGUED)
        feed(opened, USAGE, [first, *others])
        yield opened


def test_a_statement_shows_nothing_that_is_written_between_its_reads(store: SqlStore) -> None:
    store.memo = Memo(0)  # else nothing is read again
    before = statement_of(store)
    read = SqlVerdicts.attainment

    def read_after_a_write(verdicts: SqlVerdicts, month: Month, council: str) -> list[TargetAttainment]:
        feed(store, USAGE, [recorded("r-2", MAY_DAY, "5")])
        feed(store, VERDICTS, [MISSED])
        return read(verdicts, month, council)

    with patch.object(SqlVerdicts, "attainment", read_after_a_write):
        between = statement_of(store)
    after = statement_of(store)

    assert content_hash(between) == content_hash(before)
    assert (before.total_pence, before.credits_pence) == (4_420, 0)
    assert (after.charges_pence, after.credits_pence > 0) == (6_630, True)


def test_a_council_outside_the_scope_has_no_statement_and_no_lines(store: SqlStore) -> None:
    statements = Statements(store, WallClock())
    (line,) = statements.statement(BEXHILL.id, MAY, scope=Scope.all()).services[0].lines

    with pytest.raises(UnknownCouncil):
        statements.statement(BEXHILL.id, MAY, scope=ASHBY_ALONE)
    with pytest.raises(UnknownCouncil):
        statements.explain(BEXHILL.id, MAY, line.ref, after=None, limit=10, scope=ASHBY_ALONE)


def test_a_month_lists_the_councils_in_scope_and_their_unbilled_usage(store: SqlStore) -> None:
    def seen(scope: Scope) -> tuple[list[str], list[str]]:
        month = Statements(store, WallClock()).statements(MAY, scope=scope)
        return [each.council.id for each in month.statements], [each.council for each in month.without_statement]

    assert seen(Scope.all()) == (["ashby", "bexhill"], ["camber"])
    assert seen(ASHBY_ALONE) == (["ashby"], [])
    assert seen(Scope.of("camber")) == ([], ["camber"])
    assert seen(Scope.of()) == ([], [])


def test_parked_events_are_those_of_the_councils_in_scope(store: SqlStore) -> None:
    parked = Statements(store, WallClock()).parked

    assert [each.council for each in parked(scope=Scope.all())] == ["camber"]
    assert parked(scope=ASHBY_ALONE) == []


def test_every_read_of_a_snapshot_finds_nothing_outside_its_scope(store: SqlStore) -> None:
    feed(store, VERDICTS, [MISSED])
    usage = UsageFilter(ASHBY.id, PAYROLL.id, "readings", PAYROLL.unit, date(2026, 5, 1), date(2026, 6, 1))
    misses = MissFilter(ASHBY.id, MAY, AGREEMENT, PAYROLL.id, PAYROLL_ERRORS.id)

    def found(scope: Scope) -> list[int]:
        with store.snapshot(scope) as snapshot:
            return [
                len(snapshot.usage.of_month(MAY, ASHBY.id)),
                len(snapshot.usage.counted(usage, after=None, limit=9)),
                len(snapshot.verdicts.attainment(MAY, ASHBY.id)),
                len(snapshot.verdicts.misses(misses, after=None, limit=9)),
                len(snapshot.terms.agreements_in(ASHBY.id, MAY)),
            ]

    assert found(ASHBY_ALONE) == [1, 1, 1, 1, 1]
    assert found(Scope.of(BEXHILL.id)) == [0, 0, 0, 0, 0]
