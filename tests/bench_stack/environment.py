"""A broker, a Redis and a PostgreSQL of their own, and services that run on them as processes."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from shared.bus.connect import connect
from shared.contracts.topics import TOPICS
from tests.support import servers
from tests.support.databases import empty_database
from tests.support.service_process import ServiceProcess, run_to_end, running_service

_LOOK_EVERY_S = 0.2
# From here on a process is warm: interpreters start, groups form and caches fill before.
_WARM = 0.1
_PATIENCE_S = 900.0


@dataclass(frozen=True, slots=True)
class BenchEnvironment:
    """The servers' addresses."""

    broker: str
    redis: str
    postgres: str

    @property
    def bus(self) -> str:
        """What services call the log."""
        return f"kafka://{self.broker}"

    @contextmanager
    def service(self, package: str, *, count: int = 1) -> Iterator[tuple[list[ServiceProcess], str]]:
        """`count` instances of a service and the address of their database, empty at first, until the block is left."""
        with empty_database(self.postgres) as database, ExitStack() as stack:
            env = {"BUS_URL": self.bus, "STATE_URL": self.redis, "DATABASE_URL": database}
            migrated = run_to_end("-m", package, "migrate", env=env)
            if migrated.returncode:
                raise RuntimeError(migrated.stdout)
            yield [stack.enter_context(running_service("-m", package, env=env)) for _ in range(count)], database


@contextmanager
def bench_environment() -> Iterator[BenchEnvironment]:
    """The servers are up and the topics are made; all are gone afterwards."""
    with servers.kafka() as broker, servers.redis() as redis, servers.postgres() as postgres:
        made = BenchEnvironment(broker, redis, postgres)
        asyncio.run(_make_topics(made.bus))
        yield made


def rate(total: int, position: Callable[[], int]) -> float:
    """Records a second, from when a tenth of `total` has been worked off until all of it has."""
    before = wait_for_records(round(total * _WARM), position)
    begun = time.monotonic()
    if before >= total:
        raise RuntimeError("it was over before it could be measured: take more records")
    wait_for_records(total, position)
    return (total - before) / (time.monotonic() - begun)


def wait_for_records(wanted: int, position: Callable[[], int]) -> int:
    """Waits until at least `wanted` have been worked off, and says how many were."""
    until = time.monotonic() + _PATIENCE_S
    while (reached := position()) < wanted:
        if time.monotonic() > until:
            raise TimeoutError(f"{reached} of {wanted} records after {_PATIENCE_S:g} s")
        time.sleep(_LOOK_EVERY_S)
    return reached


def processor_s(service: ServiceProcess) -> float:
    """Seconds of processor that the process has used."""
    fields = Path(f"/proc/{service.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _make_topics(url: str) -> None:
    bus = connect(url)
    await bus.ensure_topics(TOPICS)
    await bus.close()
