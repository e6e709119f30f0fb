"""`python -m catalogue` serves; `migrate` brings the database to the newest schema; `load NAME` records a partnership.

NAME is a shipped example or the path of a partnership file. After a loss `announce` publishes every version that the
log does not hold, and `restore` records every version that the database does not.
"""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from catalogue.adapters.partnership_files import UnknownPartnershipFile
from catalogue.app import CatalogueApp, build
from catalogue.domain.submission import InvalidSubmission
from catalogue.log_repair import LogAhead, LogDiffers
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.running.app import ServiceProgram
from shared.running.command import main
from shared.startup_errors import InvalidSettings

log = structlog.get_logger()


async def load(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The partnership's definitions are recorded, and the log has every version; what is there already stays as it is.

    Nothing is recorded while the log holds versions that the database has lost.
    """
    if len(arguments) != 1:
        raise InvalidSettings("expected `load NAME`: a shipped example or a partnership file")
    async with _opened(settings) as app:
        recorded = await app.record(arguments[0], actor="catalogue load")
        log.info("catalogue.loaded", added=len(recorded.added), unchanged=recorded.unchanged)


async def announce(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The log holds every version; those that it holds already are not published again."""
    _require_none("announce", arguments)
    async with _opened(settings) as app:
        log.info("catalogue.announced", versions=await app.announce())


async def restore(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The database holds every version that the log does, recorded when it was; who recorded it is not in the log."""
    _require_none("restore", arguments)
    async with _opened(settings) as app:
        log.info("catalogue.restored", versions=await app.restore(actor="catalogue restore"))


@asynccontextmanager
async def _opened(settings: CatalogueSettings) -> AsyncIterator[CatalogueApp]:
    """The catalogue, with its topics made. What the user can put right ends the command in one sentence."""
    bus = connect(settings.bus)
    app = build(settings, bus=bus, clock=WallClock())
    try:
        await bus.ensure_topics(TOPICS)
        yield app
    except (UnknownPartnershipFile, InvalidSubmission, LogAhead, LogDiffers) as fault:
        raise InvalidSettings(str(fault)) from fault
    finally:
        await app.close()
        await bus.close()


def _require_none(verb: str, arguments: Sequence[str]) -> None:
    if arguments:
        raise InvalidSettings(f"expected `{verb}` alone")


if __name__ == "__main__":
    main(
        ServiceProgram(
            package="catalogue",
            settings=CatalogueSettings,
            build=build,
            verbs={"load": load, "announce": announce, "restore": restore},
        ),
        sys.argv[1:],
    )
