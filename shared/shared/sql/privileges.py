"""What the roles of a PostgreSQL server may do in a service's tables, granted by its migrations.

Every table only grows: a service works as a role that reads and adds rows, and can neither change nor remove what was
once written. The few tables that hold a state rather than a history are named in the package's `migrations.CHANGEABLE`
with what may be done to them: `{"progress": "UPDATE", "outbox": "DELETE"}`.
"""

from collections.abc import Mapping
from importlib import import_module

from sqlalchemy import Connection, text

APP = "tallystick_app"
READONLY = "tallystick_readonly"


def grant(connection: Connection, package: str, *, mark: str) -> None:
    """Both roles may do what they should in the tables of `package`, where the server has such roles.

    `mark` is the table of the package's revision, which neither may touch.
    """
    known = set(connection.scalars(text("SELECT rolname FROM pg_roles")))
    quoted = connection.dialect.identifier_preparer.quote
    statements: list[str] = []
    if READONLY in known:
        statements.append(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READONLY}")
    if APP in known:
        statements += [
            f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {APP}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {APP}",
            f"REVOKE INSERT ON {quoted(mark)} FROM {APP}",
            *(f"GRANT {what} ON {quoted(table)} TO {APP}" for table, what in changeable(package).items()),
        ]
    for statement in statements:
        connection.execute(text(statement))


def changeable(package: str) -> Mapping[str, str]:
    """What may be done in the tables of `package` beside reading and adding rows, by table."""
    found: Mapping[str, str] = getattr(import_module(f"{package}.migrations"), "CHANGEABLE", {})
    return found
