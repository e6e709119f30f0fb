"""A statement that is made again from the rows is the draft, whatever came; and a fault of either way shows."""

import random
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import false, true

from billing.domain.canonical import canonical_json
from billing.domain.credits.attainment import TargetAttainment
from billing.domain.differences import FigureDifference
from billing.domain.statement import Statement, UnknownCouncil
from billing.domain.usage import Usage
from billing.memo import Memo
from billing.ports import Snapshot
from billing.statements.drafts import draft_in
from billing.statements.recomputation import Recomputation, compared, recompute
from billing.store import details, rows, usage
from billing.store.rows import SqlRows
from billing.store.sql import SqlStore
from billing.store.usage import SqlUsage
from billing.store.verdicts import SqlVerdicts
from shared.contracts.topics import CATALOGUE, TICKETS, USAGE, VERDICTS, WORK
from shared.log.port import Shard
from shared.period import Month
from shared.scope import Scope
from shared.sql.engine import connect
from tests.support.billing_feed import CATALOGUED, MAY, feed
from tests.support.credits import breached
from tests.support.databases import as_owner
from tests.support.forgetting import forget_events
from tests.support.laws import EXAMPLES
from tests.support.recharges import (
    ASHBY,
    adjusted,
    completed,
    opened,
    received,
    recorded,
    resolved,
    reversed_,
    withdrawn,
)
from tests.support.recounting import CATALOGUE_OF_ALL, arrive_in_any_order, history_of_all_kinds

AT, LATER = "2026-05-07T12:00:00+00:00", "2026-05-20T12:00:00+00:00"


@pytest.fixture
def store(database_of: Callable[[str], str]) -> Iterator[SqlStore]:
    with closing(SqlStore.open(database_of("billing"))) as opened_store:
        yield opened_store


@pytest.fixture(scope="module")
def catalogued(module_database_of: Callable[[str], str]) -> Iterator[tuple[SqlStore, Callable[[], None]]]:
    """A store that knows the catalogue, and what makes it forget all else: a database for each example takes long."""
    url = module_database_of("billing")
    owner = connect(as_owner(url))

    with closing(SqlStore.open(url)) as store:
        feed(store, CATALOGUE, CATALOGUE_OF_ALL)
        yield store, partial(forget_events, store, owner)
    owner.dispose()


def both(snapshot: Snapshot, month: Month) -> tuple[Statement, Statement]:
    """The draft of Ashby's month, and the statement made again."""
    return draft_in(snapshot, ASHBY.id, month, "draft"), recompute(snapshot, ASHBY.id, month)


@settings(max_examples=max(EXAMPLES // 10, 5), deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(chance=st.randoms(use_true_random=True))
def test_the_rows_come_to_the_draft_byte_for_byte(
    catalogued: tuple[SqlStore, Callable[[], None]], chance: random.Random
) -> None:
    store, forget = catalogued
    forget()

    arrive_in_any_order(store, history_of_all_kinds(chance), chance)

    with store.snapshot(Scope.all()) as snapshot, patch.object(rows, "CHUNK", chance.choice((1, 3, 2_000))):
        for month in (MAY, MAY.next):
            draft, again = both(snapshot, month)
            assert compared(snapshot, draft) == ()
            assert canonical_json(again) == canonical_json(draft)


# One of everything: invoices, tickets, readings with corrections, and a missed target.
_GONE = completed("inv-3", AT, units="5")
WORK_OF_MAY = [
    *(received(f"inv-{number}", AT) for number in (1, 2, 3)),
    completed("inv-1", LATER, units="3"),
    completed("inv-1", "2026-05-21T12:00:00+00:00", units="4", id="again"),
    completed("inv-2", "2026-05-31T22:59:59+00:00", units="2"),
    _GONE,
    withdrawn(_GONE, LATER),
]
_WORTH_POUNDS = opened("t-1", AT)
TICKETS_OF_MAY = [
    msgspec.structs.replace(_WORTH_POUNDS, data=msgspec.structs.replace(_WORTH_POUNDS.data, value_pence=123_400)),
    resolved("t-1", LATER),
    opened("t-2", AT),
]
USAGE_OF_MAY = [
    recorded("r-1", AT, "10"),
    recorded("r-2", AT, "7"),
    recorded("r-3", "2026-05-31T23:00:00+00:00", "100"),  # midnight in London: June
    reversed_("r-2", LATER),
    adjusted("r-1", LATER, "-2"),
    recorded("g-1", AT, "4", service="grades", attributes={"grade": "a"}),
    recorded("s-1", AT, "9", service="peak", attributes={"grade": "a"}),
]
MISSES = [breached(item, target="ict-response") for item in ("t-1", "t-2")]


@pytest.fixture
def may(store: SqlStore) -> SqlStore:
    """A store with a May that has everything."""
    feed(store, CATALOGUE, CATALOGUE_OF_ALL)
    for topic, events in ((WORK, WORK_OF_MAY), (TICKETS, TICKETS_OF_MAY), (USAGE, USAGE_OF_MAY), (VERDICTS, MISSES)):
        feed(store, topic, events)
    return store


def found(store: SqlStore) -> tuple[FigureDifference, ...]:
    """How the draft of May differs from its rows."""
    with store.snapshot(Scope.all()) as snapshot:
        return compared(snapshot, draft_in(snapshot, ASHBY.id, MAY, "draft"))


def test_a_month_that_has_everything_comes_out_the_same_and_charges_for_it(may: SqlStore) -> None:
    with may.snapshot(Scope.all()) as snapshot:
        draft = draft_in(snapshot, ASHBY.id, MAY, "draft")

    assert found(may) == ()
    charged = {each.service.id for each in draft.services if each.total_pence}
    assert charged >= {"accounts-payable", "ict", "payroll", "grades", "peak"}
    assert draft.credits_pence > 0


Change = Callable[[Any], Any]


def one_more_unit(found: list[Usage]) -> list[Usage]:
    return [replace(each, quantity=each.quantity + 1) if each.service == "payroll" else each for each in found]


def one_millionth_less(found: list[Usage]) -> list[Usage]:
    tiny = Decimal("0.000001")
    return [replace(each, quantity=each.quantity - tiny) if each.service == "payroll" else each for each in found]


def without_reversals(found: list[Usage]) -> list[Usage]:
    return [replace(each, state="counted") if each.state == "reversed" else each for each in found]


def a_day_later(found: list[Usage]) -> list[Usage]:
    return [replace(each, day=each.day + timedelta(days=31)) if each.service == "payroll" else each for each in found]


def one_more_met(found: list[TargetAttainment]) -> list[TargetAttainment]:
    return [msgspec.structs.replace(each, good=each.good + 1) for each in found]


PLANTED: dict[str, tuple[type, str, Change]] = {
    "a unit too many": (SqlUsage, "of_month", one_more_unit),
    "a millionth of a unit too few": (SqlUsage, "of_month", one_millionth_less),
    "reversals that are not read": (SqlUsage, "of_month", without_reversals),
    "a row that is lost": (SqlUsage, "of_month", lambda found: found[1:]),
    "another month": (SqlUsage, "of_month", a_day_later),
    "an item that met its target after all": (SqlVerdicts, "attainment", one_more_met),
    "a target that is lost": (SqlVerdicts, "attainment", lambda _: []),
    "attributes that are lost": (
        SqlUsage,
        "details",
        lambda found: {name: [replace(each, attributes={}) for each in of] for name, of in found.items()},
    ),
    "an event that the service's own meter does not get": (SqlUsage, "metered", lambda found: found[1:]),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_a_fault_of_the_sums_that_the_database_makes_is_found(may: SqlStore, fault: str) -> None:
    owner, name, change = PLANTED[fault]
    right = getattr(owner, name)

    with patch.object(owner, name, lambda self, *args: change(right(self, *args))):
        differing = found(may)

    assert differing
    assert all(each.text for each in differing)


def test_a_difference_names_the_line_and_says_by_how_many_pence_and_which_way(may: SqlStore) -> None:
    right = SqlUsage.of_month

    with patch.object(SqlUsage, "of_month", lambda self, *args: one_more_unit(right(self, *args))):
        differing = found(may)

    # 8 payslips at £4.42, stated as 9, and the reversed reading as 8: only what counts is charged.
    amount = next(each for each in differing if each.pence)
    assert amount.text == "payroll, Each, amount: stated £39.78, recomputed £35.36"
    assert amount.pence == -442


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ("is_reversed", "reversals"),
        ("is_withdrawn", "withdrawals"),
        ("is_first_of_item", "first completions"),
    ],
)
def test_a_fault_of_the_rules_in_sql_is_found(may: SqlStore, rule: str, fault: str) -> None:
    queries = (usage._readings, usage._items_completed, usage._items_opened, usage._items_withdrawn, usage._adjustments)
    value = true() if rule == "is_first_of_item" else false()
    with patch.object(usage, rule, lambda _: value), patch.object(details, rule, lambda _: value):
        for query in queries:
            query.cache_clear()
        differing = found(may)
    for query in queries:
        query.cache_clear()

    assert differing, fault


def test_a_month_is_read_in_chunks_however_many_events_it_has(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    feed(store, USAGE, [recorded(f"r-{number}", AT, "1") for number in range(50)])
    feed(store, WORK, [received(f"w-{number}", AT) for number in range(50)])
    feed(store, WORK, [completed(f"w-{number}", LATER) for number in range(50)])
    sizes: list[int] = []
    right_events, right_items, right_naming = SqlRows.events, SqlRows.of_items, SqlRows.naming

    def events(self: SqlRows, *args: Any) -> Iterator[Any]:
        for chunk in right_events(self, *args):
            sizes.append(len(chunk))
            yield chunk

    def asked(right: Callable[..., Any]) -> Callable[..., Any]:
        def looked_up(self: SqlRows, council: str, names: Collection[str]) -> Any:
            sizes.append(len(names))
            return right(self, council, names)

        return looked_up

    with (
        patch.object(rows, "CHUNK", 7),
        patch.object(SqlRows, "events", events),
        patch.object(SqlRows, "of_items", asked(right_items)),
        patch.object(SqlRows, "naming", asked(right_naming)),
    ):
        assert found(store) == ()

    assert max(sizes) == 7
    assert len(sizes) > 40


def test_the_second_look_at_the_same_positions_reads_nothing(may: SqlStore) -> None:
    recomputation = Recomputation()
    with may.snapshot(Scope.all()) as snapshot:
        draft = draft_in(snapshot, ASHBY.id, MAY, "draft")
        first = recomputation.differences(snapshot, draft)
        with patch.object(SqlRows, "events", side_effect=AssertionError("read again")):
            again = recomputation.differences(snapshot, draft)
    feed(may, USAGE, [recorded("r-9", AT, "1")])
    with may.snapshot(Scope.all()) as snapshot, patch.object(SqlRows, "events", side_effect=RuntimeError("read")):
        later = draft_in(snapshot, ASHBY.id, MAY, "draft")
        with pytest.raises(RuntimeError, match="read"):
            recomputation.differences(snapshot, later)

    assert first == again == ()


def test_a_fault_is_found_although_the_right_draft_was_compared_at_the_same_positions(may: SqlStore) -> None:
    recomputation = Recomputation()
    with may.snapshot(Scope.all()) as snapshot:
        draft = draft_in(snapshot, ASHBY.id, MAY, "draft")
        assert recomputation.differences(snapshot, draft) == ()
        right = SqlUsage.of_month
        with patch.object(SqlUsage, "of_month", lambda self, *args: one_more_unit(right(self, *args))):
            wrong = draft_in(replace(snapshot, memo=Memo(0)), ASHBY.id, MAY, "draft")

        assert recomputation.differences(snapshot, wrong) != ()


def test_an_unknown_council_has_no_recomputation(may: SqlStore) -> None:
    with may.snapshot(Scope.all()) as snapshot, pytest.raises(UnknownCouncil):
        recompute(snapshot, "nowhere", MAY)


def test_the_positions_of_a_snapshot_are_the_next_offsets_that_are_stored(store: SqlStore) -> None:
    feed(store, CATALOGUE, CATALOGUED)
    with store.snapshot(Scope.all()) as snapshot:
        feed(store, USAGE, [recorded("r-1", AT, "10")])

        assert snapshot.positions == {Shard(CATALOGUE.name, 0): len(CATALOGUED)}
    with store.snapshot(Scope.of(ASHBY.id)) as snapshot:
        assert sum(snapshot.positions.values()) == len(CATALOGUED) + 1


def test_no_row_is_read_outside_the_scope(may: SqlStore) -> None:
    first, end = date(2026, 5, 1), date(2026, 6, 1)

    def seen(scope: Scope) -> list[int]:
        with may.snapshot(scope) as snapshot:
            read = snapshot.rows
            return [
                sum(len(chunk) for chunk in read.events(ASHBY.id, first, end)),
                len(read.of_items(ASHBY.id, ["inv-1"])),
                len(read.naming(ASHBY.id, ["r-2-recorded"])),
                len(read.readings(ASHBY.id, [("/councils/ashby/systems/finance", "r-1-recorded")], first, end)),
                sum(len(chunk) for chunk in read.verdicts(ASHBY.id, MAY)),
            ]

    assert seen(Scope.of(ASHBY.id)) == seen(Scope.all()) == [17, 3, 1, 1, 2]
    assert seen(Scope.of("bexhill")) == [0, 0, 0, 0, 0]
