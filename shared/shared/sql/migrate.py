"""Databases brought to the newest revision of a package: plain numbered files in its folder `migrations`.

A revision file is named `0001_what_it_does.py` and says `revision = "0001"`. Each package has its own table
`<package>_revision`, so several may share a database.

Who may change a schema depends on whose it is. A SQLite file belongs to the program that opens it, which brings it up
to date as it starts. A server's schema belongs to a role of its own, which only `migrate` logs in as; a service looks
whether its schema is there, and goes no further when it is not.

On a server every table only grows: a service's workers read and add rows, and can neither change nor remove what was
once written; its requests only read, and only rows that are theirs to see (`shared.sql.isolation`). The few tables that
hold a state rather than a history are named in the package's `migrations.CHANGEABLE` with what may be done to them:
`{"progress": "UPDATE", "outbox": "DELETE"}`.

A migration whose change finds no row in a table that has some fails, and all of it is undone. One that may find none
says so where it is executed: `.execution_options(may_change_nothing=True)`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, column, event, inspect, select, table, text

from shared.sql.engine import read_transaction
from shared.sql.isolation import READONLY, REQUESTS, WORKER, protect
from shared.startup_errors import IncompatibleStore, InvalidSettings, UnusableDatabase, require_stored_format

_REVISION = "_revision"
_MAY_CHANGE_NOTHING = "may_change_nothing"
# An UPDATE or a DELETE, with whatever WITH before it; a quoted name may hold anything.
_CHANGING = re.compile(
    r"\s*(?:WITH\b.*?)?\b(?:UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?(?P<table>(?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+))?)",
    re.IGNORECASE | re.DOTALL,
)


class UnknownRevision(IncompatibleStore):
    """The database is at a revision that this release does not have: a newer one wrote it, or one from before 0.1.0."""


class NothingChanged(Exception):
    """A migration was to change rows of a table that has some, and changed none; nothing of it was kept."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"expected the migration to change rows of {table}, which has some, and it changed none: "
            "it cannot see them, or looks for others than there are"
        )


class SchemaOutdated(Exception):
    """The database lacks what this release needs, and the program that found so may not add it."""


def prepare(engine: Engine, package: str) -> None:
    """The database is at the newest revision of `package`: a file was brought there, a server only looked at.

    Raises `SchemaOutdated` for a server's database that is behind, `UnknownRevision` where it is ahead,
    `IncompatibleStore` for a file that is not ours or is damaged; its connections are closed then.
    """
    bring = migrate if engine.dialect.name == "sqlite" else check
    try:
        bring(engine, package)
    except (SchemaOutdated, InvalidSettings):
        engine.dispose()
        raise


def check(engine: Engine, package: str) -> None:
    """Nothing has changed, and the database is at the newest revision of `package`; raises as `prepare` does."""
    known = _revisions(package)
    with read_transaction(engine) as connection:
        stored = _revision(connection, package)
    _refuse_unknown(package, stored, known)
    if stored != known[-1]:
        raise SchemaOutdated(
            f"expected revision {known[-1]} of {package} in the database, got {stored or 'none'}: "
            f"run `python -m {package} migrate` as the role that owns the tables"
        )


def migrate(engine: Engine, package: str) -> None:
    """The database is at the newest revision of `package`, whoever else is migrating it now.

    Costs one small read when there is nothing to do to a file; on a server what the roles may do is granted again.
    Raises `UnknownRevision` when the database is ahead, `IncompatibleStore` for a file that holds other tables or is
    damaged, `UnusableDatabase` when it cannot hold every text or cannot be opened.
    """
    bring = _migrate_file if engine.dialect.name == "sqlite" else _migrate_server
    bring(engine, package)


def version_table(package: str) -> str:
    """The table that holds a package's revision."""
    return f"{package.replace('.', '_')}{_REVISION}"


def changeable(package: str) -> Mapping[str, str]:
    """What may be done in the tables of `package` beside reading and adding rows, by table."""
    found: Mapping[str, str] = getattr(import_module(f"{package}.migrations"), "CHANGEABLE", {})
    return found


def _revisions(package: str) -> list[str]:
    names = (entry.name for entry in files(package).joinpath("migrations").iterdir())
    return sorted(name.split("_")[0] for name in names if name[:1].isdigit() and name.endswith(".py"))


def _revision(connection: Connection, package: str) -> str | None:
    name = version_table(package)
    if not inspect(connection).has_table(name):
        return None
    return connection.scalar(select(column("version_num")).select_from(table(name)))


def _refuse_unknown(package: str, stored: str | None, known: list[str]) -> None:
    if stored is None or stored in known:
        return
    if stored < known[0]:
        remedy = "it is from before 0.1.0; create a new database (or delete the file), migrate it and replay the events"
    else:
        remedy = "update Tallystick"
    raise UnknownRevision(f"expected one of {', '.join(known)} for {package} in the database, got {stored}: {remedy}")


def _migrate_file(engine: Engine, package: str) -> None:
    path = Path(str(engine.url.database))
    with read_transaction(engine) as connection:
        if _revision(connection, package) == _revisions(package)[-1]:
            return
    with engine.begin() as connection:
        _refuse_foreign_tables(connection, path, package)
        _upgrade(connection, package)


def _refuse_foreign_tables(connection: Connection, path: Path, package: str) -> None:
    """Raises `IncompatibleStore` for a file with tables, but none of a revision: it is from before, or another's.

    `UnusableDatabase` for one of another service: each has tables of the same names.
    """
    tables = inspect(connection).get_table_names()
    owners = [name.removesuffix(_REVISION) for name in tables if name.endswith(_REVISION)]
    if tables and not owners:
        remedy = "set TALLYSTICK_VAR to another folder, or delete it and send or replay the events again"
        require_stored_format(0, str(path), remedy=remedy)
    if owners and version_table(package) not in tables:
        raise UnusableDatabase(f"{path} is the database of {owners[0]}: give {package} a file of its own, DATABASE_URL")


def _migrate_server(engine: Engine, package: str) -> None:
    from shared.sql import postgres  # noqa: PLC0415 (its driver is not needed without a server)

    with engine.begin() as connection, postgres.without_statement_timeout(connection):
        postgres.require_code_point_order(connection)
        postgres.take_advisory_lock(connection, version_table(package))
        _upgrade(connection, package)
        protect(connection, package)
        _grant(connection, package)


def _upgrade(connection: Connection, package: str) -> None:
    """The database is at the newest revision of `package` when the caller's transaction has committed."""
    from alembic import command  # noqa: PLC0415 (takes 0.3 s, and is not needed on most starts)
    from alembic.config import Config  # noqa: PLC0415 (as above)

    known = _revisions(package)
    stored = _revision(connection, package)
    _refuse_unknown(package, stored, known)
    if stored == known[-1]:
        return
    config = Config(attributes={"connection": connection, "version_table": version_table(package)})
    config.set_main_option("script_location", "shared:sql/alembic")
    config.set_main_option("version_locations", f"{package}:migrations")
    config.set_main_option("path_separator", "newline")
    with _no_change_lost(connection):
        command.upgrade(config, "head")


def _changed(connection: Connection, cursor: Any) -> int:
    """How many rows the cursor's statement changed: SQLite's driver does not say so of one that begins with WITH."""
    if cursor.rowcount < 0 and connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("SELECT changes()").scalar_one())
    return int(cursor.rowcount)


@contextmanager
def _no_change_lost(connection: Connection) -> Iterator[None]:
    """In here a change of no row raises `NothingChanged` if its table has any, and nobody reads only a part of a table.

    A role whose rows were filtered would change none of them, and the migration would seem to have been done.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL row_security = off"))  # a filtered query is an error, not a shorter answer

    def look(_: object, cursor: Any, statement: str, __: object, context: Any, ___: object) -> None:
        changing = _CHANGING.match(statement)
        if changing is None or _changed(connection, cursor) != 0 or context.execution_options.get(_MAY_CHANGE_NOTHING):
            return
        table = changing["table"]
        if connection.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {table})").scalar():  # noqa: S608 (a migration's)
            raise NothingChanged(table)

    event.listen(connection, "after_cursor_execute", look)
    try:
        yield
    finally:
        event.remove(connection, "after_cursor_execute", look)


def _grant(connection: Connection, package: str) -> None:
    """Each role may do what it should in the tables of `package`, and not touch its revision, if it exists."""
    known = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    quoted = connection.dialect.identifier_preparer.quote
    statements = [
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}" for role in (REQUESTS, READONLY) if role in known
    ]
    if WORKER in known:
        statements += [
            f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {WORKER}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WORKER}",
            f"REVOKE INSERT ON {quoted(version_table(package))} FROM {WORKER}",
            *(f"GRANT {what} ON {quoted(table)} TO {WORKER}" for table, what in changeable(package).items()),
        ]
    for statement in statements:
        connection.execute(text(statement))
