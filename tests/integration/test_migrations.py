"""Every service's migrations make what its code expects, on either database, from nothing."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData

from catalogue.adapters import received_events
from shared.sql.engine import connect
from shared.sql.migrate import changeable, prepare, version_table

SERVICES = ("catalogue", "sla_monitor", "billing")


def metadata_of(package: str) -> MetaData:
    """The tables as the service's code knows them."""
    import_module(f"{package}.app")  # whatever the service is made of adds its tables to the metadata
    module = import_module("catalogue.adapters.sql" if package == "catalogue" else f"{package}.store.tables")
    found = getattr(module, "metadata", None) or module.METADATA
    assert isinstance(found, MetaData)
    return found


def tables_of(package: str) -> MetaData:
    """Every table of the service; the catalogue keeps what it received over HTTP apart."""
    if package != "catalogue":
        return metadata_of(package)
    every = MetaData()
    for metadata in (metadata_of(package), received_events.metadata):
        for table in metadata.sorted_tables:
            table.to_metadata(every)
    return every


@pytest.fixture(params=SERVICES)
def package(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(package: str, database_of: Callable[[str], str]) -> Iterator[Engine]:
    engine = connect(database_of(package))
    prepare(engine, package)
    yield engine
    engine.dispose()


def test_the_migrations_make_the_tables_that_the_code_expects(package: str, engine: Engine) -> None:
    revision_table = version_table(package)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name != revision_table,
            },
        )
        differences = compare_metadata(context, tables_of(package))

    assert differences == []


def test_what_may_be_changed_are_tables_that_exist(package: str) -> None:
    assert changeable(package).keys() <= tables_of(package).tables.keys()
