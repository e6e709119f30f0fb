"""`python -m sla_monitor` serves; `migrate` makes the database's schema the newest; `rebuild` computes live state anew.

Every instance must be stopped before a rebuild, and not be started again before it says that it is done.
"""

import sys
from collections.abc import Sequence

import structlog

from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.running.app import Service
from shared.running.command import main
from shared.running.settings import BadSettings
from sla_monitor.app import build
from sla_monitor.settings import Settings

log = structlog.get_logger()


async def rebuild(settings: Settings, arguments: Sequence[str]) -> None:
    """Live state is emptied and computed again from the log, and what the log holds is not announced again."""
    if arguments:
        raise BadSettings("expected `rebuild` alone")
    bus = connect(settings.bus)
    app = build(settings, bus=bus, clock=WallClock())
    try:
        await bus.ensure_topics(TOPICS)
        done = await app.rebuild()
        log.info("sla_monitor.rebuilt", items=done.items, announcements_missing=done.missing)
    finally:
        await app.close()
        await bus.close()


if __name__ == "__main__":
    main(Service(package="sla_monitor", settings=Settings, build=build, verbs={"rebuild": rebuild}), sys.argv[1:])
