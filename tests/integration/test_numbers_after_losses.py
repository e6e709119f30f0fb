"""A number is never used for other content: whatever is lost while a statement is issued, the log says what it is."""

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from billing.domain.lifecycle import StepRefused
from billing.ports import StoredDocument
from billing.statements.statement_log import Document, LogIsAhead
from billing.store.sql import SqlStore
from shared.contracts.codec import AnyEvent, decode_event
from shared.contracts.definitions import Council
from shared.contracts.statements import CreditNoteIssued, StatementIssued, StatementStep
from shared.contracts.topics import STATEMENTS
from shared.log.port import AppendUncertain, Outgoing
from shared.scope import Scope
from shared.units import Offset
from tests.support.any_time import AnyTime
from tests.support.billing_feed import MAY, feed
from tests.support.issued_statements import APPROVER, FINANCE, agreed, charge, steps_at, use
from tests.support.recharges import ASHBY

BEXHILL = Council(id="bexhill", name="Bexhill")
COUNCILS = (ASHBY, BEXHILL)


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Log:
    """What has been appended. `before` and `after` are done around the next append, and then no more."""

    events: list[AnyEvent] = field(default_factory=list)
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def documents(self, start: Offset) -> Sequence[Document]:
        return [each for each in self.events[start:] if isinstance(each, StatementIssued | CreditNoteIssued)]

    def append(self, messages: Sequence[Outgoing]) -> None:
        before, after = self.before, self.after
        self.before = self.after = lambda: None
        before()
        self.events += [decode_event(each.value) for each in messages]
        after()


class By(AnyTime):
    """Ready at any time, by a log."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log


@dataclass(frozen=True)
class Place:
    """A folder with a database, and the backup that it is restored from."""

    folder: Path

    @property
    def store(self) -> SqlStore:
        return SqlStore.open(f"sqlite:///{self.folder}/billing.db")

    @property
    def backup(self) -> Path:
        return self.folder / "backup.db"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Both councils' drafts for May are approved, and there is a backup of that."""
    place = Place(tmp_path)
    with closing(place.store) as store:
        charge(store, *(agreed(each.id) for each in COUNCILS), councils=COUNCILS)
        for council in COUNCILS:
            approve(store, council)
    shutil.copy(tmp_path / "billing.db", place.backup)
    return place


def approve(store: SqlStore, council: Council) -> None:
    steps = steps_at(store)
    seen = steps.draft(council.id, MAY, scope=Scope.all()).sha256
    steps.check(FINANCE, council.id, MAY, sha256=seen)
    steps.approve(APPROVER, council.id, MAY, sha256=seen)


def issue(store: SqlStore, council: Council, log: Log) -> None:
    steps_at(store).issue(FINANCE, council.id, MAY, By(log))


def documents(store: SqlStore) -> list[StoredDocument]:
    with store.snapshot(Scope.all()) as snapshot:
        found = [each for council in COUNCILS for each in snapshot.steps.documents(council.id)]
    return sorted(found, key=lambda each: each.number)


def restored(place: Place, log: Log, name: str) -> SqlStore:
    """The backup as another database, which has read the log again."""
    folder = place.folder / name
    folder.mkdir()
    shutil.copy(place.backup, folder / "billing.db")
    store = Place(folder).store
    feed(store, STATEMENTS, log.events)
    return store


def kill() -> None:
    raise Killed


def end_uncertain() -> None:
    raise AppendUncertain("no answer")


def nothing() -> None:
    pass


MOMENTS = {
    "before it is sent": (kill, nothing),
    "the log is away": (end_uncertain, nothing),
    "once the log has it": (nothing, kill),
    "the log has it and does not say so": (nothing, end_uncertain),
    "once all is done": (nothing, nothing),
}


@pytest.mark.parametrize(("before", "after"), MOMENTS.values(), ids=MOMENTS)
def test_a_database_lost_at_any_moment_of_an_issue_gives_no_number_twice_and_leaves_no_gap(
    place: Place, before: Callable[[], object], after: Callable[[], object]
) -> None:
    log = Log(before=before, after=after)
    with closing(place.store) as store:
        with suppress(Killed, AppendUncertain):
            issue(store, ASHBY, log)
        seen = documents(store)  # by whoever looks before it is lost: nothing is published by its outbox any more

    with closing(restored(place, log, "restored")) as store:
        for council in reversed(COUNCILS):
            issue(store, council, log)
        after_all = documents(store)

    assert [each.number for each in after_all] == ["2026-27.0001", "2026-27.0002"]
    assert all(each in after_all for each in seen)
    with closing(restored(place, log, "again")) as store:
        assert documents(store) == after_all


def test_the_steps_that_led_to_a_statement_are_in_the_log_with_it(place: Place) -> None:
    log = Log()
    with closing(place.store) as store:
        issue(store, ASHBY, log)

    kinds = [type(each).__name__ for each in log.events if isinstance(each, StatementStep)]
    assert kinds == ["StatementChecked", "StatementApproved", "StatementIssued"]


def test_of_two_databases_in_use_at_once_the_first_in_the_log_gives_the_number(place: Place) -> None:
    log = Log()
    shutil.copytree(place.folder, place.folder / "other", ignore=shutil.ignore_patterns("other"))
    with closing(place.store) as first, closing(Place(place.folder / "other").store) as second:
        use(second, BEXHILL.id, "5", day="2026-05-20")
        log.before = lambda: issue(first, ASHBY, log)
        approve(second, BEXHILL)
        with pytest.raises(LogIsAhead, match="try again in a moment"):
            issue(second, BEXHILL, log)  # both have read the log's end before either appends

        assert documents(second) == []
        feed(second, STATEMENTS, log.events)
        assert documents(second) == documents(first)
        issue(second, BEXHILL, log)
        assert [(each.council, each.number) for each in documents(second)] == [
            (ASHBY.id, "2026-27.0001"),
            (BEXHILL.id, "2026-27.0002"),
        ]
    with closing(restored(place, log, "restored")) as store:
        assert [(each.council, each.number) for each in documents(store)] == [
            (ASHBY.id, "2026-27.0001"),
            (BEXHILL.id, "2026-27.0002"),
        ]


def test_of_one_statement_issued_by_two_databases_the_first_in_the_log_holds(place: Place) -> None:
    log = Log()
    shutil.copytree(place.folder, place.folder / "other", ignore=shutil.ignore_patterns("other"))
    with closing(place.store) as first, closing(Place(place.folder / "other").store) as second:
        use(second, ASHBY.id, "7", day="2026-05-21")
        approve(second, ASHBY)
        log.before = lambda: issue(first, ASHBY, log)
        with pytest.raises(StepRefused):
            issue(second, ASHBY, log)

        feed(second, STATEMENTS, log.events)
        assert documents(second) == documents(first)
    with closing(restored(place, log, "restored")) as store:
        assert [each.total_pence for each in documents(store)] == [44_200]
