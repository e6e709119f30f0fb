"""Tables that only grow: triggers refuse a change or a removal to everybody, also to the owner and in a SQLite file."""

from collections.abc import Sequence

from sqlalchemy import Connection, Table, event


def only_grows(table: Table, message: str) -> None:
    """Once made, no row of `table` can be changed or removed: who tries gets `message`, which has no quotes."""

    def refuse_changes(_table: object, connection: Connection, **_: object) -> None:
        for statement in _triggers(connection.dialect.name, table.name, message):
            connection.exec_driver_sql(statement)

    event.listen(table, "after_create", refuse_changes)


def _triggers(dialect: str, table: str, message: str) -> Sequence[str]:
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{what} BEFORE {what} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END"
            for what in ("UPDATE", "DELETE")
        ]
    return (
        f"CREATE FUNCTION {table}_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}'; END $$",
        f"CREATE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_only_grows()",
    )
