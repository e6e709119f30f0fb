"""Alembic runs this for every service: inside the connection and transaction that `shared.sql.migrate` opened."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
)
context.run_migrations()
