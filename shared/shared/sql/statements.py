"""Statements that both dialects can run, where SQLAlchemy keeps one construct for each."""

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def insert_ignore(table: Table) -> Insert:
    """An insert that leaves rows alone whose primary or unique key is taken: rowcount 1 for new, 0 for known.

    The construct is PostgreSQL's; SQLite renders the same words for it (the contract suite runs it on both).
    """
    # Without the option SQLAlchemy forgets how many rows an insert stored on PostgreSQL.
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def replacing(table: Table) -> Insert:
    """An insert that puts its row in the place of the one with the same primary key, where there is one."""
    statement = insert(table)
    key = list(table.primary_key.columns)
    rest = {column.name: statement.excluded[column.name] for column in table.columns if column not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=rest)
