"""The archive in SQL: ended items that have left live state, one row each."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, bindparam, select, update

from shared.contracts.envelope import split_item_key
from shared.log.port import Shard
from shared.scope import Scope
from shared.sql.engine import read_transaction
from shared.sql.isolation import scoped_read
from shared.sql.statements import in_list, in_scope, insert_ignore, insert_rows, upsert
from sla_monitor.domain.archive import ArchivedItem, archived, months_of, require_whole
from sla_monitor.domain.decisions import span_of
from sla_monitor.domain.item import Item, dump_item, load_item
from sla_monitor.ports import ArchivedPage
from sla_monitor.store.tables import ARCHIVE_PROGRESS, ARCHIVED_ITEM

_ITEM, _PROGRESS = ARCHIVED_ITEM.c, ARCHIVE_PROGRESS.c
_UPSERT, _BEGIN = upsert(ARCHIVED_ITEM), insert_ignore(ARCHIVE_PROGRESS)
_HELD = (_ITEM.key, _ITEM.item, _ITEM.read_to)
_offsets = msgspec.msgpack.Decoder(list[int])


class SqlArchive:
    """`sla_monitor.ports.Archive`; on the engine of requests only `page` finds anything, and only what is in scope."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def writes(self, shard: Shard) -> int:
        with read_transaction(self._engine) as connection:
            return _writes(connection, shard)

    def find(self, shard: Shard, keys: Collection[str], *, after_write: int) -> dict[str, ArchivedItem]:
        with read_transaction(self._engine) as connection:
            require_whole(str(shard), writes=_writes(connection, shard), after_write=after_write)
            return _find(connection, shard, keys)

    def put(self, shard: Shard, items: Mapping[str, Item], *, read_to: int) -> int:
        with self._engine.begin() as connection:
            # First: until the end it keeps other writers off the shard's rows, which are read and put back united.
            number = _next_write(connection, shard)
            copies = _find(connection, shard, items)
            held = {key: archived(item, read_to=read_to, copy=copies.get(key)) for key, item in items.items()}
            changed = [_row(shard, key, each) for key, each in held.items() if each != copies.get(key)]
            if changed:
                insert_rows(connection, _UPSERT, changed)
            return number

    def page(
        self,
        shard: Shard,
        scope: Scope,
        *,
        after: str,
        limit: int,
        month: str | None = None,
        spans: tuple[int, int] | None = None,
    ) -> ArchivedPage:
        wanted = [*_of(shard), _ITEM.key > after, in_scope(_ITEM.council, scope), *_in(month), *_touching(spans)]
        with scoped_read(self._engine, scope) as connection:
            rows = connection.execute(select(*_HELD).where(*wanted).order_by(_ITEM.key).limit(limit)).all()
        return ArchivedPage(_items(rows), rows[-1].key if len(rows) == limit else None)


def _next_write(connection: Connection, shard: Shard) -> int:
    key = {"topic": shard.topic, "partition": shard.partition}
    connection.execute(_BEGIN.values(**key, writes=0))
    one = _PROGRESS.topic == shard.topic, _PROGRESS.partition == shard.partition
    connection.execute(update(ARCHIVE_PROGRESS).where(*one).values(writes=_PROGRESS.writes + 1))
    return _writes(connection, shard)


def _writes(connection: Connection, shard: Shard) -> int:
    one = _PROGRESS.topic == shard.topic, _PROGRESS.partition == shard.partition
    return connection.scalar(select(_PROGRESS.writes).where(*one)) or 0


def _find(connection: Connection, shard: Shard, keys: Collection[str]) -> dict[str, ArchivedItem]:
    wanted = {"topic": shard.topic, "partition": shard.partition, "keys": list(keys)}
    return _items(connection.execute(_by_keys(connection.dialect.name), wanted).all())


@cache
def _by_keys(dialect: str) -> Select[Any]:
    """Made once: it runs with every batch that has items unknown to live state."""
    shard = [_ITEM[name] == bindparam(name) for name in ("topic", "partition")]
    return select(*_HELD).where(*shard, in_list(dialect, _ITEM.key, "keys"))


def _of(shard: Shard) -> Sequence[ColumnElement[bool]]:
    return _ITEM.topic == shard.topic, _ITEM.partition == shard.partition


def _in(month: str | None) -> Sequence[ColumnElement[bool]]:
    return () if month is None else (_ITEM.first_month <= month, _ITEM.last_month >= month)


def _touching(spans: tuple[int, int] | None) -> Sequence[ColumnElement[bool]]:
    """Those that overlap [start, end): an item depends on its last instant, too."""
    return () if spans is None else (_ITEM.ended_s >= spans[0], _ITEM.opened_s < spans[1])


def _items(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, ArchivedItem]:
    return {row.key: ArchivedItem(load_item(row.item), _offsets.decode(row.read_to)) for row in rows}


def _row(shard: Shard, key: str, held: ArchivedItem) -> dict[str, Any]:
    months, span = months_of(held.item), span_of(held.item)
    if span is None:
        raise ValueError(f"expected an item that was opened, got {key}")
    return {
        "topic": shard.topic,
        "partition": shard.partition,
        "key": key,
        "council": split_item_key(key)[0],
        "service": span.services[-1],
        "opened_s": span.start,
        "ended_s": span.end,
        "first_month": months[0] if months else "",
        "last_month": months[-1] if months else "",
        "item": dump_item(held.item),
        "read_to": msgspec.msgpack.encode(held.read_to),
    }
