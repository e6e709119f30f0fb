"""Groups of rows that sum to zero at each commit: double entry, which PostgreSQL itself looks after."""

from sqlalchemy import Connection, Table, event


def sums_to_zero(table: Table, *, group: str, amount: str) -> None:
    """PostgreSQL refuses a commit after which the `amount`s of a `group` do not sum to 0, whoever inserted them.

    SQLite has no trigger that waits for the commit: there whoever inserts looks (`billing.store.ledger`).
    """

    def refuse_at_commit(_table: object, connection: Connection, **_: object) -> None:
        if connection.dialect.name == "postgresql":
            for statement in _trigger(table.name, group, amount):
                connection.exec_driver_sql(statement)

    event.listen(table, "after_create", refuse_at_commit)


def _trigger(table: str, group: str, amount: str) -> tuple[str, str]:
    name = f"{table}_sums_to_zero"
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608 (names of our own tables)
        f"IF (SELECT sum({amount}) FROM {table} WHERE {group} = NEW.{group}) <> 0 THEN "
        f"RAISE EXCEPTION USING MESSAGE = 'the entries of ' || NEW.{group} || ' do not sum to 0'; END IF; "
        "RETURN NULL; END $$",
        f"CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON {table} "
        f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {name}()",
    )
