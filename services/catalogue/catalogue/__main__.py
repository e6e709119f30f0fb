"""`python -m catalogue` serves; `migrate` brings the database to the newest schema; `load NAME` records a partnership.

NAME is a shipped example or the path of a partnership file.
"""

import sys
from collections.abc import Sequence

from catalogue.adapters.partnership_files import UnknownSource
from catalogue.app import build
from catalogue.domain.given import Refused
from catalogue.settings import Settings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.running.app import Service
from shared.running.command import main
from shared.running.settings import BadSettings


async def load(settings: Settings, arguments: Sequence[str]) -> None:
    """The partnership's definitions are recorded and announced; what was there already is not recorded again."""
    if len(arguments) != 1:
        raise BadSettings("expected `load NAME`: a shipped example or a partnership file")
    bus = connect(settings.bus)
    app = build(settings, bus=bus, clock=WallClock())
    try:
        await bus.ensure_topics(TOPICS)
        app.load(arguments[0], actor="catalogue load")
        await app.announce()
    except (UnknownSource, Refused) as fault:
        raise BadSettings(str(fault)) from fault
    finally:
        await app.close()
        await bus.close()


if __name__ == "__main__":
    main(Service(package="catalogue", settings=Settings, build=build, verbs={"load": load}), sys.argv[1:])
