"""A catalogue that receives events over HTTP until it is killed: `python -m tests.support.event_receiver FOLDER`.

Says its port once it answers. While the folder has a file `log-away`, its log takes a part without saying so.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import uvicorn

from catalogue.app import build
from catalogue.settings import CatalogueSettings
from shared.auth.principal import Principal
from shared.bus.embedded import EmbeddedBus
from shared.clock import FixedClock
from shared.contracts.topics import TOPICS
from shared.http import Authentication, create_app
from shared.log.port import AppendUncertain, Message, Place
from shared.scope import Scope
from tests.support.poison import AT
from tests.support.recharges import SOURCE

AWAY = "log-away"
INTEGRATOR = Principal.of("desk", "machine", ["integrator"], Scope.of("ashby"), sources=[SOURCE])


class SometimesAway(EmbeddedBus):
    """A log that is away while the file is there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "log.db")
        self._away = folder / AWAY

    async def publish(self, topic: str, messages: Sequence[Message]) -> Sequence[Place]:
        if not self._away.exists():
            return await super().publish(topic, messages)
        await super().publish(topic, messages[: len(messages) // 2])
        raise AppendUncertain("no answer came")


async def serve(folder: Path) -> None:
    bus = SometimesAway(folder)
    await bus.ensure_topics(TOPICS)
    settings = CatalogueSettings(TALLYSTICK_VAR=folder)
    app = build(settings, bus=bus, clock=FixedClock(datetime.fromisoformat(AT)))
    known = Authentication(lambda _: INTEGRATOR)
    api = create_app("catalogue", [app.router], authentication=known, types=app.types, audit=app.audit)
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_level="error", lifespan="off"))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(app.run(asyncio.Event()))
        tasks.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.02)
        sys.stdout.write(f"{server.servers[0].sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
