"""People and their sessions in SQL, on SQLite or PostgreSQL, with what is announced of them in the same transaction."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from catalogue.adapters.sql import audit_log, metadata, outbox
from catalogue.domain.browser_sessions import BrowserSession
from catalogue.domain.people import Access, Person
from catalogue.ports import PeopleTransaction, PersonExists
from shared.audit import AuditRecord
from shared.contracts.codec import canonical_json
from shared.log.port import Outgoing
from shared.sql.engine import read_transaction
from shared.sql.outbox import add

# Somebody may sign in at several browsers; sessions that ended long ago are of no use.
_KEEP_ENDED_S = 7 * 86_400

person = Table(
    "person",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("issuer", String(500), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("name", String(100), nullable=False),
    Column("access", Text, nullable=False),
    Column("origin", String(16), nullable=False),
    Column("changed_by", String(64), nullable=False),
    Column("void_s", BigInteger, nullable=False),
    Column("removed", Boolean, nullable=False),
    UniqueConstraint("issuer", "subject", name="person_of_provider"),
)

browser_session = Table(
    "browser_session",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("person", String(64), nullable=False, index=True),
    Column("started_s", BigInteger, nullable=False, index=True),
    Column("issued_s", BigInteger, nullable=False),
    Column("ended_s", BigInteger, nullable=True),
    Column("ending", String(32), nullable=True),
)

# Sign-ins that were completed, by the hash of their state, until nobody could complete them again.
used_sign_in = Table(
    "used_sign_in",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("expires_s", BigInteger, nullable=False, index=True),
)

_access = msgspec.json.Decoder(Access)


class SqlPeopleStore:
    """`catalogue.ports.PeopleStore` on an engine whose database is migrated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def changing(self) -> Iterator[PeopleTransaction]:
        with self._engine.begin() as connection:
            yield _SqlPeopleTransaction(connection)

    def people(self, *, after: str, limit: int) -> Sequence[Person]:
        query = select(person).where(person.c.id > after).order_by(person.c.id).limit(limit)
        with read_transaction(self._engine) as connection:
            return [_person(row) for row in connection.execute(query)]

    def person(self, id_: str) -> Person | None:
        with read_transaction(self._engine) as connection:
            return _one(connection, person.c.id == id_)

    def is_current(self, session: str, *, issued_s: int) -> bool:
        counted = select(browser_session.c.id).where(
            browser_session.c.id == session,
            browser_session.c.issued_s == issued_s,
            browser_session.c.ended_s.is_(None),
        )
        with read_transaction(self._engine) as connection:
            return connection.execute(counted).first() is not None


class _SqlPeopleTransaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def person(self, id_: str) -> Person | None:
        return _one(self._connection, person.c.id == id_, locked=True)

    def person_of(self, issuer: str, subject: str) -> Person | None:
        return _one(self._connection, (person.c.issuer == issuer) & (person.c.subject == subject), locked=True)

    def save(self, found: Person) -> None:
        row = _person_row(found)
        same = (person.c.id == found.id) & (person.c.issuer == found.issuer) & (person.c.subject == found.subject)
        changed = self._connection.execute(update(person).where(same).values(row))
        if changed.rowcount == 0:
            try:
                with self._connection.begin_nested():
                    self._connection.execute(insert(person), [row])
            except IntegrityError as fault:
                raise PersonExists from fault

    def session(self, id_: str) -> BrowserSession | None:
        query = select(browser_session).where(browser_session.c.id == id_).with_for_update()
        row = self._connection.execute(query).first()
        return None if row is None else BrowserSession(**row._mapping)

    def open_sessions(self, person_id: str) -> Sequence[BrowserSession]:
        query = (
            select(browser_session)
            .where(browser_session.c.person == person_id, browser_session.c.ended_s.is_(None))
            .order_by(browser_session.c.id)
            .with_for_update()
        )
        return [BrowserSession(**row._mapping) for row in self._connection.execute(query)]

    def save_session(self, found: BrowserSession, *, now_s: int) -> None:
        row = msgspec.structs.asdict(found)
        changed = self._connection.execute(update(browser_session).where(browser_session.c.id == found.id).values(row))
        if changed.rowcount == 0:
            self._connection.execute(delete(browser_session).where(browser_session.c.started_s < now_s - _KEEP_ENDED_S))
            self._connection.execute(insert(browser_session), [row])

    def record(self, record: AuditRecord) -> None:
        audit_log.add(self._connection, record)

    def use(self, state: str, *, expires_s: int, now_s: int) -> bool:
        self._connection.execute(delete(used_sign_in).where(used_sign_in.c.expires_s < now_s))
        try:
            with self._connection.begin_nested():
                self._connection.execute(insert(used_sign_in), [{"state": state, "expires_s": expires_s}])
        except IntegrityError:
            return False
        return True

    def announce(self, messages: Sequence[Outgoing]) -> None:
        add(self._connection, outbox, messages)


def _one(connection: Connection, condition: Any, *, locked: bool = False) -> Person | None:
    query = select(person).where(condition)
    row = connection.execute(query.with_for_update() if locked else query).first()
    return None if row is None else _person(row)


def _person(row: Any) -> Person:
    return Person(**{**row._mapping, "access": _access.decode(row.access)})


def _person_row(found: Person) -> dict[str, object]:
    return {**msgspec.structs.asdict(found), "access": canonical_json(found.access).decode()}
