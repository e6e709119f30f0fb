"""`python -m catalogue` serves; `migrate` brings the database to the newest schema; `load NAME` records a partnership.

NAME is a shipped example or the path of a partnership file.
"""

import sys
from collections.abc import Sequence

from catalogue.adapters.partnership_files import UnknownPartnershipFile
from catalogue.app import build
from catalogue.domain.submission import InvalidSubmission
from catalogue.settings import CatalogueSettings
from shared.bus.connect import connect
from shared.clock import WallClock
from shared.contracts.topics import TOPICS
from shared.running.app import ServiceProgram
from shared.running.command import main
from shared.startup_errors import InvalidSettings


async def load(settings: CatalogueSettings, arguments: Sequence[str]) -> None:
    """The partnership's definitions are recorded and announced; those that are there already are not recorded again."""
    if len(arguments) != 1:
        raise InvalidSettings("expected `load NAME`: a shipped example or a partnership file")
    bus = connect(settings.bus)
    app = build(settings, bus=bus, clock=WallClock())
    try:
        await bus.ensure_topics(TOPICS)
        app.load(arguments[0], actor="catalogue load")
        await app.announce()
    except (UnknownPartnershipFile, InvalidSubmission) as fault:
        raise InvalidSettings(str(fault)) from fault
    finally:
        await app.close()
        await bus.close()


if __name__ == "__main__":
    main(
        ServiceProgram(package="catalogue", settings=CatalogueSettings, build=build, verbs={"load": load}), sys.argv[1:]
    )
