"""Who sees which rows on PostgreSQL: row-level security, beside the scope that every query names.

Services log in as `tallystick_app`, the role of requests. It reads, and only rows of the councils that its transaction
has named (`scoped_read`); without a name none. What works for every council (consumers, metrics, operators, recording)
takes the role `tallystick_worker` with its connection: an engine of its own, `Database.workers`.

A migration protects every table that it makes, by what the package's `migrations` says:

* a table with a column `council`: rows of the councils in scope; rows without a council only where every council is;
* the same, named in `SHARED_WITHOUT_COUNCIL`: rows without a council are seen in any scope;
* named in `OPEN`: nothing in it is about a council, and every request reads it;
* any other: no request sees a row;
* named in `SECRET`: people and reports see no row either.

So a table that nobody thought of is closed to requests.

On SQLite there are no roles: there the scope in each query is the only guard.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module

from sqlalchemy import Connection, Engine, text

from shared.scope import Scope
from shared.sql.engine import close, connect, read_transaction

REQUESTS = "tallystick_app"
WORKER = "tallystick_worker"
READONLY = "tallystick_readonly"
# A setting of the transaction: ids with commas between them, NONE or EVERY; no id has either in it. Unset it is empty.
_SETTING = "tallystick.councils"
_EVERY, _NONE = "*", ","
_LIMIT = text(f"SELECT set_config('{_SETTING}', :councils, true)")
# As sub-selects both are worked out once a statement, not once a row.
_IN_SCOPE = f"council = ANY ((SELECT string_to_array(current_setting('{_SETTING}', true), ','))::text[])"
_SEES_ALL = f"(SELECT current_setting('{_SETTING}', true) = '{_EVERY}')"
_HAS_SCOPE = f"(SELECT current_setting('{_SETTING}', true) <> '')"
_UNPROTECTED = text(
    "SELECT relname, EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'council')"
    " FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relrowsecurity"
    r" AND relname NOT LIKE '%\_revision' ORDER BY relname"
)


@dataclass(frozen=True, slots=True)
class Database:
    """A service's database: to its workers every row, to its requests those in the scope of each read.

    On SQLite both are one engine.
    """

    workers: Engine
    requests: Engine

    @classmethod
    def at(cls, url: str) -> "Database":
        """The database at `url`, an address as `tallystick_app`. Nothing is opened; raises as `connect` does."""
        requests = connect(url)
        return cls(requests if requests.dialect.name == "sqlite" else connect(url, role=WORKER), requests)

    def close(self) -> None:
        """No connection is open. Idempotent."""
        close(self.requests)
        close(self.workers)


@contextmanager
def scoped_read(engine: Engine, scope: Scope) -> Iterator[Connection]:
    """A `read_transaction` that sees rows of the councils in `scope`, and of no other, where rows are protected.

    The scope ends with the transaction, also where that is cut off: a connection goes back to its pool without one.
    """
    with read_transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(_LIMIT, {"councils": _setting(scope)})
        yield connection


def protect(connection: Connection, package: str) -> None:
    """Every table that had no row-level security has it, as `package` says; a server without our roles stays as it is.

    Its owner goes on seeing every row, and so do `tallystick_worker` and, reading, `tallystick_readonly`.
    """
    roles = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    if not {REQUESTS, WORKER, READONLY} <= roles:
        return
    for table, has_council in connection.execute(_UNPROTECTED).all():
        quoted = connection.dialect.identifier_preparer.quote(table)
        connection.execute(text(f"ALTER TABLE {quoted} ENABLE ROW LEVEL SECURITY"))
        connection.execute(text(f"CREATE POLICY workers ON {quoted} TO {WORKER} USING (true) WITH CHECK (true)"))
        if table not in _declared(package, "SECRET"):
            connection.execute(text(f"CREATE POLICY readers ON {quoted} FOR SELECT TO {READONLY} USING (true)"))
        if seen := _seen_by_requests(package, table, has_council=has_council):
            connection.execute(text(f"CREATE POLICY requests ON {quoted} FOR SELECT TO {REQUESTS} USING ({seen})"))


def _seen_by_requests(package: str, table: str, *, has_council: bool) -> str | None:
    """Which rows of `table` a request sees, in SQL; None for none."""
    if table in _declared(package, "OPEN"):
        return "true"
    if not has_council:
        return None
    shared = f" OR (council IS NULL AND {_HAS_SCOPE})" if table in _declared(package, "SHARED_WITHOUT_COUNCIL") else ""
    return f"{_IN_SCOPE} OR {_SEES_ALL}{shared}"


def _declared(package: str, name: str) -> Collection[str]:
    found: Collection[str] = getattr(import_module(f"{package}.migrations"), name, ())
    return found


def _setting(scope: Scope) -> str:
    return _EVERY if scope.councils is None else ",".join(sorted(scope.councils)) or _NONE
