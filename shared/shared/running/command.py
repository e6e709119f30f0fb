"""`python -m SERVICE [VERB]`: serve without a verb; `migrate` brings the database to the newest schema."""

import gc
import sys
from collections.abc import Sequence

import structlog
import uvloop
from prometheus_client import CollectorRegistry

from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.log.port import BusError
from shared.running.app import S, ServiceProgram
from shared.running.logs import configure_logs
from shared.running.service import ServiceProcess
from shared.settings import ServiceSettings, read_settings
from shared.sql.engine import connect as connect_database
from shared.sql.migrate import migrate
from shared.startup_errors import InvalidSettings, StorageFailed

EXIT_FAILED = 1
EXIT_INVALID_SETTINGS = 2
log = structlog.get_logger()


def main(service: ServiceProgram[S], arguments: Sequence[str]) -> None:
    """The process ends with 0 when told to stop, 2 for settings that cannot be used, 1 for any other failure."""
    try:
        settings = read_settings(service.settings)
        settings.require_shared_stores()
        configure_logs(settings.log_level)
        structlog.contextvars.bind_contextvars(service=service.package)
        tune_gc()
        uvloop.run(_verb(service, settings, arguments))
    except Exception as failure:
        cause = _first(failure)
        if isinstance(cause, InvalidSettings):
            print(f"{service.package}: {cause}", file=sys.stderr)  # noqa: T201 (for whoever started it)
            sys.exit(EXIT_INVALID_SETTINGS)
        # A log out of reach or a full disk is no bug: no traceback is needed.
        trace = None if isinstance(cause, BusError | StorageFailed) else failure
        log.critical("service.failed", fault=type(cause).__name__, reason=str(cause), exc_info=trace)
        sys.exit(EXIT_FAILED)


def tune_gc() -> None:
    """The garbage collector runs seldom, since events make no cycles; call it once all is imported."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


async def _verb(service: ServiceProgram[S], settings: S, arguments: Sequence[str]) -> None:
    match arguments:
        case []:
            await _serve(service, settings)
            log.info("service.stopped")
        case ["migrate"]:
            _migrate(service.package, settings)
        case [verb, *others] if verb in service.verbs:
            await service.verbs[verb](settings, others)
        case _:
            known = ", ".join(["migrate", *service.verbs])
            raise InvalidSettings(f"expected no argument, or one of: {known}")


def _first(failure: Exception) -> Exception:
    """The first cause: several tasks that end together are wrapped in groups."""
    return _first(failure.exceptions[0]) if isinstance(failure, ExceptionGroup) else failure


async def _serve(service: ServiceProgram[S], settings: S) -> None:
    registry = CollectorRegistry()
    bus = connect(settings.bus)
    try:
        await bus.ensure_topics(TOPICS)
        app = service.build(settings, bus=bus, clock=WallClock(), registry=registry)
        try:
            await ServiceProcess(app, settings, bus=bus, registry=registry).run()
        finally:
            await app.close()
    finally:
        await bus.close()


def _migrate(package: str, settings: ServiceSettings) -> None:
    engine = connect_database(settings.database)
    try:
        migrate(engine, package)
    finally:
        engine.dispose()
    log.info("service.migrated")
