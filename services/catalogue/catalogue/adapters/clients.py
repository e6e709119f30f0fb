"""Clients in SQL: each one row, changed in one transaction with what is announced of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
from sqlalchemy import Column, Connection, Engine, String, Table, Text, UniqueConstraint, insert, select, update
from sqlalchemy.exc import IntegrityError

from catalogue.adapters.sql import audit_log, metadata, outbox
from catalogue.domain.clients import Client
from catalogue.ports import ClientTransaction, RequestUnderWay
from shared.audit import AuditRecord
from shared.log.port import Outgoing
from shared.sql.engine import read_transaction
from shared.sql.outbox import add

# No request reads it by itself: whoever manages clients is compared with each of them. `request` is null without a key.
clients = Table(
    "clients",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("made_by", String(200), nullable=False),
    Column("request", String(255), nullable=True),
    Column("client", Text, nullable=False),
    UniqueConstraint("made_by", "request"),
)
_decoder = msgspec.json.Decoder(Client)


class SqlClientStore:
    """`catalogue.ports.ClientStore` on an engine that sees every row."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def changing(self) -> Iterator[ClientTransaction]:
        with self._engine.begin() as connection:
            yield _SqlClientTransaction(connection)

    def client(self, id_: str) -> Client | None:
        with read_transaction(self._engine) as connection:
            return _decoded(connection.scalar(select(clients.c.client).where(clients.c.id == id_)))

    def all(self) -> Sequence[Client]:
        with read_transaction(self._engine) as connection:
            return [
                _decoder.decode(text) for text in connection.scalars(select(clients.c.client).order_by(clients.c.id))
            ]


class _SqlClientTransaction:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def client(self, id_: str) -> Client | None:
        query = select(clients.c.client).where(clients.c.id == id_).with_for_update()
        return _decoded(self._connection.scalar(query))

    def made_for(self, maker: str, request: str) -> Client | None:
        query = select(clients.c.client).where(clients.c.made_by == maker, clients.c.request == request)
        return _decoded(self._connection.scalar(query))

    def add(self, client: Client) -> None:
        row = {"id": client.id, "made_by": client.made_by, "request": client.request or None}
        try:
            self._connection.execute(insert(clients).values(**row, client=_encoded(client)))
        except IntegrityError as fault:
            raise RequestUnderWay from fault

    def replace(self, client: Client) -> None:
        self._connection.execute(update(clients).where(clients.c.id == client.id).values(client=_encoded(client)))

    def announce(self, announcements: Sequence[Outgoing]) -> None:
        add(self._connection, outbox, announcements)

    def record(self, record: AuditRecord) -> None:
        audit_log.add(self._connection, record)


def _decoded(text: str | None) -> Client | None:
    return None if text is None else _decoder.decode(text)


def _encoded(client: Client) -> str:
    return msgspec.json.encode(client).decode()
