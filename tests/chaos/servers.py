"""Kafka, Redis and PostgreSQL of a run's own, prepared as a deployment prepares them, and ways to break them."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.chaos import partnership
from tests.support import kafka_broker, servers
from tests.support.callers import SIGNING_KEY
from tests.support.crashing_redis import CrashingRedis, crashing_redis
from tests.support.postgres import Postgres, own_postgres
from tests.support.service_process import run_to_end

SERVICES = ("catalogue", "sla_monitor", "billing")
# The shortest that leaves room for three heartbeats: a kill is noticed soon, a freeze need not last long.
SESSION_S = 3
# What is corrected of last month is adjusted, what is corrected of this one is replaced: both ways are verified.
FREEZE_DAYS = 0
# What has ended leaves live state as soon as its month is frozen: some is archived, and asked for again, in every run.
ARCHIVE_DAYS = 0


@dataclass(frozen=True, slots=True)
class Servers:
    """The three servers; their addresses outlive every fault."""

    kafka: str
    redis: CrashingRedis
    postgres: Postgres

    def env(self, service: str) -> dict[str, str]:
        """The settings of a service."""
        return self._settings(service, role="tallystick_app")

    def database(self, service: str) -> str:
        """A service's database for a plain client."""
        return self.postgres.url("tallystick", service).replace("postgresql+psycopg:", "postgresql:")

    def break_redis(self, chance: Random) -> str:
        """Redis was killed and lost the end of its file, from a random byte on; says how much."""
        self.redis.crash()
        lost = self.redis.cut(chance)
        self.redis.start()
        return f"{lost} bytes lost"

    def stop_postgres(self) -> str:
        """PostgreSQL stopped at once and recovers."""
        self.postgres.crash()
        return ""

    def restart_broker(self) -> str:
        """The broker was killed and is starting."""
        kafka_broker.kill_and_start(self.kafka)
        return ""

    def prepare(self, folder: Path) -> None:
        """Topics, schemas and the partnership are there. `folder` is for the partnership's file."""
        path = folder / "partnership.yaml"
        path.write_text(partnership.text(), encoding="utf-8")
        _must("-m", "shared.bus", "topics", "create", env=self.env("catalogue"))
        for service in SERVICES:
            _must("-m", service, "migrate", env=self._settings(service, role="tallystick_migrate"))
        _must("-m", "catalogue", "load", str(path), env=self.env("catalogue"))
        _must("-m", "catalogue", "announce", env=self.env("catalogue"))  # and the key that callers are known by

    def _settings(self, service: str, *, role: str) -> dict[str, str]:
        return {
            "BUS_URL": f"kafka://{self.kafka}?session_s={SESSION_S}",
            "STATE_URL": self.redis.url,
            "DATABASE_URL": self.postgres.url(role, service),
            "SIGNING_KEY": SIGNING_KEY,
            "SLA_FREEZE_DAYS": str(FREEZE_DAYS),
            "SLA_ARCHIVE_DAYS": str(ARCHIVE_DAYS),
        }


@contextmanager
def own_servers() -> Iterator[Servers]:
    """Servers that nobody else uses; gone afterwards."""
    servers.require_docker()
    with ExitStack() as stack:
        yield Servers(
            stack.enter_context(servers.kafka(port=servers.free_port())),
            stack.enter_context(crashing_redis()),
            stack.enter_context(own_postgres()),
        )


def _must(*command: str, env: dict[str, str]) -> None:
    done = run_to_end(*command, env=env)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
