"""What shared/sql promises on every database. A database passes by giving the `url` of an empty one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from threading import Barrier
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    delete,
    event,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import StatementError
from sqlalchemy.schema import DropTable

from shared.log.port import Fenced, Shard
from shared.log.processor import Busy
from shared.sql.columns import UtcDateTime
from shared.sql.engine import close, connect, read_transaction
from shared.sql.inbox import Arrival, InsertResult, inbox_table, receive, receive_dry_run
from shared.sql.migrate import SchemaOutdated, UnknownRevision, check, migrate, version_table
from shared.sql.progress import Counts, Progress, ShardProgress, SqlKnownLogs, known_log_table, progress_table
from shared.sql.statements import in_list, insert_ignore, insert_rows
from shared.startup_errors import IncompatibleStore

PACKAGE = "tests.support.migrated"
METADATA = MetaData()
INBOX = inbox_table(METADATA)
PROGRESS = Progress(progress_table(METADATA), "billing")
KNOWN_LOG = known_log_table(METADATA)
SAMPLES = Table(
    "samples",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime),
    Column("pence", Integer),
)
MARK = Table(version_table(PACKAGE), MetaData(), Column("version_num", String(32)))
SHARD = Shard("provider.work.v1", 3)
LONDON_SUMMER = timezone(timedelta(hours=1))
offsets = st.integers(-840, 840).map(lambda minutes: timezone(timedelta(minutes=minutes)))
instants = st.datetimes(datetime(1000, 1, 2), datetime(9999, 12, 30), timezones=offsets)  # noqa: DTZ001 (bounds)
# One law is tried on several databases, each made once for all its examples.
LAW = settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)


def arrival(id_: str, content: bytes = b"content", source: str = "/councils/adur/systems/crm") -> Arrival:
    return Arrival(source, id_, sha256(content).digest())


class SqlContract:
    """Run by a subclass for each database; `url` is a fixture of the subclass."""

    @pytest.fixture
    def engine(self, url: str) -> Iterator[Engine]:
        engine = connect(url)
        migrate(engine, PACKAGE)
        yield engine
        engine.dispose()

    # Transactions

    def test_transactions_that_read_and_then_write_queue_and_lose_no_update(self, engine: Engine) -> None:
        workers, rounds = 6, 10
        with engine.begin() as connection:
            connection.execute(insert(SAMPLES), {"id": 0, "pence": 0})
        together = Barrier(workers)

        def count_up() -> None:
            together.wait()
            for _ in range(rounds):
                with engine.begin() as connection:
                    known = connection.execute(select(SAMPLES.c.pence).with_for_update()).scalar_one()
                    connection.execute(update(SAMPLES).values(pence=known + 1))

        with ThreadPoolExecutor(workers) as pool:
            for worker in [pool.submit(count_up) for _ in range(workers)]:
                worker.result()

        with read_transaction(engine) as connection:
            assert connection.scalar(select(SAMPLES.c.pence)) == workers * rounds

    def test_a_read_transaction_sees_one_moment_and_holds_up_no_writer(self, engine: Engine) -> None:
        with read_transaction(engine) as reader:
            before = reader.scalar(select(func.count()).select_from(SAMPLES))
            with engine.begin() as writer:
                writer.execute(insert(SAMPLES), {"id": 1})
            after = reader.scalar(select(func.count()).select_from(SAMPLES))

        assert (before, after) == (0, 0)

    def test_an_insert_that_ignores_says_how_many_rows_were_new(self, engine: Engine) -> None:
        with engine.begin() as connection:
            counts = [connection.execute(insert_ignore(SAMPLES).values(id=7)).rowcount for _ in range(2)]

        assert counts == [1, 0]

    def test_many_rows_go_in_at_once_with_every_value_as_it_was(self, engine: Engine) -> None:
        noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
        rows: list[dict[str, object]] = [
            {"id": 1, "at": noon, "pence": 375},
            {"id": 2, "at": None, "pence": None},
            {"id": 3, "at": noon + timedelta(microseconds=1), "pence": -1},
        ]
        with engine.begin() as connection:
            connection.execute(insert(SAMPLES), {"id": 2, "pence": 7})
            added = insert_rows(connection, insert_ignore(SAMPLES).returning(SAMPLES.c.id), rows)
            new = {row[0] for row in added}
            kept = connection.execute(select(SAMPLES).order_by(SAMPLES.c.id)).mappings().all()

        assert new == {1, 3}
        assert kept == [rows[0], {"id": 2, "at": None, "pence": 7}, rows[2]]

    def test_rows_are_found_among_twenty_thousand_values_and_among_none(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(insert(SAMPLES), [{"id": number} for number in (-1, 7, 19_999)])
            query = select(SAMPLES.c.id).where(in_list(engine.dialect.name, SAMPLES.c.id, "ids")).order_by(SAMPLES.c.id)
            found = connection.scalars(query, {"ids": list(range(20_000))}).all()
            none = connection.scalars(query, {"ids": []}).all()

        assert (found, none) == ([7, 19_999], [])

    # Columns

    @given(at=instants)
    @LAW
    def test_an_instant_comes_back_as_the_same_instant_in_utc(self, engine: Engine, at: datetime) -> None:
        found = self.kept(engine, at=at).at

        assert found == at
        assert found.tzinfo is UTC

    def test_instants_sort_by_time_whatever_zone_they_came_in(self, engine: Engine) -> None:
        half_past_in_summer = datetime(2026, 3, 29, 1, 30, tzinfo=LONDON_SUMMER)
        one_in_utc = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
        with engine.begin() as connection:
            connection.execute(insert(SAMPLES), [{"id": 1, "at": one_in_utc}, {"id": 2, "at": half_past_in_summer}])
            by_time = connection.scalars(select(SAMPLES.c.id).order_by(SAMPLES.c.at)).all()

        assert by_time == [2, 1]

    def test_an_instant_without_a_zone_is_refused(self, engine: Engine) -> None:
        with pytest.raises(StatementError, match="expected an aware instant"):
            self.kept(engine, at=datetime(2026, 3, 29, 1, 30))  # noqa: DTZ001 (the fault that is meant)

    # Known logs

    @pytest.mark.anyio
    async def test_the_log_that_a_group_reads_is_kept_as_it_was_first_stored(self, engine: Engine) -> None:
        billing, monitor = (SqlKnownLogs(engine, KNOWN_LOG, group) for group in ("billing", "sla-monitor"))

        assert await billing.known_log("a.v1") is None
        await billing.save_known_log("a.v1", "one")
        await billing.save_known_log("b.v1", "two")
        await monitor.save_known_log("a.v1", "three")
        await billing.save_known_log("a.v1", "later")

        assert [await billing.known_log(topic) for topic in ("a.v1", "b.v1")] == ["one", "two"]
        assert await monitor.known_log("a.v1") == "three"

    # Progress

    def test_progress_moves_on_from_where_it_is_and_accounts_for_every_offset(self, engine: Engine) -> None:
        with engine.begin() as connection:
            assert PROGRESS.position(connection, SHARD) is None
            self.advance(connection, None, 12, Counts(applied=5, duplicate=1, quarantined=1), first=5)
        with engine.begin() as connection:
            self.advance(connection, 12, 20, Counts(applied=2, parked=4, absent=2))

        with read_transaction(engine) as connection:
            assert PROGRESS.position(connection, SHARD) == 20
            (found,) = PROGRESS.shards(connection)
        assert found == ShardProgress(SHARD, 5, 20, Counts(7, 1, 1, 4, 2))
        assert found.unaccounted == 0

    def test_offsets_that_no_count_includes_are_seen(self, engine: Engine) -> None:
        with engine.begin() as connection:
            self.advance(connection, None, 10, Counts(applied=9), first=0)
            (found,) = PROGRESS.shards(connection)

        assert found.unaccounted == 1

    @pytest.mark.parametrize("expected", [None, 4, 6])
    def test_a_worker_who_expects_another_position_is_fenced_and_stores_nothing(
        self, engine: Engine, expected: int | None
    ) -> None:
        with engine.begin() as connection:
            self.advance(connection, None, 5, Counts(applied=5), first=0)

        def work() -> None:
            with engine.begin() as connection:
                connection.execute(insert(SAMPLES), {"id": 1})
                self.advance(connection, expected, 9, Counts(applied=4), first=5)

        with pytest.raises(Fenced):
            work()

        with read_transaction(engine) as connection:
            assert PROGRESS.position(connection, SHARD) == 5
            assert connection.scalar(select(func.count()).select_from(SAMPLES)) == 0

    @pytest.mark.parametrize("begun", [False, True])
    def test_of_workers_at_the_same_position_exactly_one_advances(self, engine: Engine, begun: bool) -> None:
        if begun:
            with engine.begin() as connection:
                self.advance(connection, None, 5, Counts(applied=5), first=0)
        together = Barrier(4)

        def work() -> bool:
            together.wait()
            try:
                with engine.begin() as connection:
                    self.advance(connection, 5 if begun else None, 9, Counts(applied=4), first=5)
            except Fenced:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            won = [worker.result() for worker in [pool.submit(work) for _ in range(4)]]

        assert sorted(won) == [False, False, False, True]

    # Inbox

    def test_each_arrival_has_its_result_also_within_a_batch(self, engine: Engine) -> None:
        with engine.begin() as connection:
            first = receive(connection, INBOX, [arrival("known"), arrival("new"), arrival("new"), arrival("new", b"!")])
        with engine.begin() as connection:
            second = receive(
                connection,
                INBOX,
                [
                    arrival("known"),
                    arrival("known", b"other content"),
                    arrival("known", source="/councils/worthing/systems/crm"),
                    arrival("another"),
                    arrival("new"),
                ],
            )

        assert first == [InsertResult.NEW, InsertResult.NEW, InsertResult.DUPLICATE, InsertResult.CONFLICT]
        assert second == [
            InsertResult.DUPLICATE,
            InsertResult.CONFLICT,
            InsertResult.NEW,
            InsertResult.NEW,
            InsertResult.DUPLICATE,
        ]

    def test_a_conflict_does_not_replace_what_came_first(self, engine: Engine) -> None:
        for content, result in (
            (b"first", InsertResult.NEW),
            (b"second", InsertResult.CONFLICT),
            (b"first", InsertResult.DUPLICATE),
        ):
            with engine.begin() as connection:
                assert receive(connection, INBOX, [arrival("one", content)]) == [result]

    def test_an_arrival_whose_transaction_was_rolled_back_is_new_again(self, engine: Engine) -> None:
        with engine.connect() as connection:
            receive(connection, INBOX, [arrival("one")])
            connection.rollback()

        with engine.begin() as connection:
            assert receive(connection, INBOX, [arrival("one")]) == [InsertResult.NEW]

    def test_of_workers_who_receive_the_same_events_at_once_one_stores_each(self, engine: Engine) -> None:
        together = Barrier(3)
        events = [arrival(f"id-{number}") for number in range(200)]

        def work(arrivals: list[Arrival]) -> list[InsertResult]:
            together.wait()
            while True:
                with suppress(Busy), engine.begin() as connection:
                    return receive(connection, INBOX, arrivals)

        with ThreadPoolExecutor(3) as pool:
            orders = [events, events[::-1], events[100:] + events[:100]]
            results = [worker.result() for worker in [pool.submit(work, order) for order in orders]]

        assert sum(each.count(InsertResult.NEW) for each in results) == len(events)
        assert sum(each.count(InsertResult.DUPLICATE) for each in results) == 2 * len(events)

    @given(
        batches=st.lists(
            st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xy"), st.sampled_from([b"1", b"2"]))),
            max_size=5,
        )
    )
    @LAW
    def test_the_results_are_those_that_a_dictionary_would_give(
        self, engine: Engine, batches: list[list[tuple[str, str, bytes]]]
    ) -> None:
        known: dict[tuple[str, str], bytes] = {}
        with engine.begin() as connection:
            connection.execute(delete(INBOX))
        for batch in batches:
            expected = []
            for id_, source, content in batch:
                first = known.get((source, id_))
                expected.append(
                    InsertResult.NEW
                    if first is None
                    else InsertResult.DUPLICATE
                    if first == content
                    else InsertResult.CONFLICT
                )
                known.setdefault((source, id_), content)
            with engine.begin() as connection:
                arrivals = [arrival(id_, content, source) for id_, source, content in batch]
                dry_run = receive_dry_run(connection, INBOX, arrivals)
                results = receive(connection, INBOX, arrivals)

            assert results == dry_run == expected

    def test_a_large_batch_is_received_whole(self, engine: Engine) -> None:
        batch = [arrival(f"id-{number}") for number in range(5000)]
        with engine.begin() as connection:
            assert set(receive(connection, INBOX, batch)) == {InsertResult.NEW}
        with engine.begin() as connection:
            assert set(receive(connection, INBOX, batch)) == {InsertResult.DUPLICATE}

    def test_a_connection_in_use_while_its_engine_is_closed_is_closed_when_it_comes_back(self, engine: Engine) -> None:
        opened: list[object] = []
        closed: list[object] = []
        event.listen(engine, "connect", lambda connection, _: opened.append(connection))
        event.listen(engine, "close", lambda connection, _: closed.append(connection))

        with engine.connect() as connection:
            close(engine)
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        with engine.connect():
            close(engine)

        assert len(opened) == 1  # the first was open before anybody listened
        assert len(closed) == 2

    # Migrations

    def test_migrating_again_changes_nothing(self, engine: Engine) -> None:
        migrate(engine, PACKAGE)

        assert self.revision(engine) == "0002"

    def test_processes_that_migrate_at_once_queue(self, url: str) -> None:
        together = Barrier(3)

        def start() -> str | None:
            engine = connect(url)
            together.wait()
            migrate(engine, PACKAGE)
            revision = self.revision(engine)
            engine.dispose()
            return revision

        with ThreadPoolExecutor(3) as pool:
            revisions = [worker.result() for worker in [pool.submit(start) for _ in range(3)]]

        assert revisions == ["0002"] * 3

    def test_a_database_that_is_newer_than_the_program_is_left_alone(self, engine: Engine) -> None:
        self.mark(engine, "0003")

        for looked in (migrate, check):
            with pytest.raises(UnknownRevision, match="got 0003"):
                looked(engine, PACKAGE)

    def test_a_database_from_before_the_first_revision_is_left_alone(self, engine: Engine) -> None:
        self.mark(engine, "0000")

        for looked in (migrate, check):
            with pytest.raises(IncompatibleStore, match=r"got 0000: it is from before .* replay the events"):
                looked(engine, PACKAGE)

        assert self.revision(engine) == "0000"

    def test_a_database_that_is_behind_is_refused_with_the_command_that_helps(self, engine: Engine) -> None:
        self.mark(engine, "0001")

        with pytest.raises(
            SchemaOutdated, match=rf"expected revision 0002 .* got 0001: run `python -m {PACKAGE} migrate`"
        ):
            check(engine, PACKAGE)

        assert self.revision(engine) == "0001"

    def test_a_database_without_a_mark_is_behind(self, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(DropTable(MARK))

        with pytest.raises(SchemaOutdated, match="got none"):
            check(engine, PACKAGE)

    def test_a_database_that_is_up_to_date_passes_the_check(self, engine: Engine) -> None:
        check(engine, PACKAGE)

    # What the suite itself needs

    def kept(self, engine: Engine, **values: object) -> Row[Any]:
        """The row of `values` as the database gives it back."""
        with engine.begin() as connection:
            connection.execute(delete(SAMPLES))
            connection.execute(insert(SAMPLES), {"id": 1, **values})
            return connection.execute(select(SAMPLES)).one()

    def advance(
        self, connection: Connection, expected: int | None, next_offset: int, counts: Counts, *, first: int = 0
    ) -> None:
        PROGRESS.advance(
            connection, SHARD, expected=expected, first_offset=first, next_offset=next_offset, counts=counts
        )

    def revision(self, engine: Engine) -> str | None:
        with read_transaction(engine) as connection:
            return connection.scalar(select(MARK.c.version_num))

    def mark(self, engine: Engine, revision: str) -> None:
        with engine.begin() as connection:
            connection.execute(update(MARK).values(version_num=revision))
