"""The questions that readiness asks of databases and of the log."""

import asyncio

from sqlalchemy import Engine, text

from shared.contracts.topics import CATALOGUE
from shared.log.port import Bus, Shard
from shared.running.health import Check, NotReady
from shared.sql.engine import read_transaction
from shared.sql.migrate import SchemaOutdated, UnknownRevision, check

# Brokers answer whoever waits for records within half a second, if only that there are none.
_SILENT_S = 30.0


def database_checks(engine: Engine, package: str) -> dict[str, Check]:
    """Whether the database answers, and whether its schema is the one that `package` was written for."""

    async def database() -> str:
        await asyncio.to_thread(_ask, engine)
        return "answers"

    async def schema() -> str:
        try:
            await asyncio.to_thread(check, engine, package)
        except (SchemaOutdated, UnknownRevision) as other:
            raise NotReady(str(other)) from other
        return "current"

    return {"database": database, "schema": schema}


def bus_check(bus: Bus) -> Check:
    """Whether the log answers, and has lately answered those who read it here."""

    async def check_bus() -> str:
        await bus.bounds(Shard(CATALOGUE.name, 0))
        if bus.silent_s() > _SILENT_S:
            raise NotReady(f"readers have heard nothing for {bus.silent_s():.0f} s")
        return "answers"

    return check_bus


def _ask(engine: Engine) -> None:
    with read_transaction(engine) as connection:
        connection.execute(text("SELECT 1"))
