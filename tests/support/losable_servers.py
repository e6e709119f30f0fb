"""Kafka, Redis and PostgreSQL of a test's own that can be lost whole, copied, and put back, as an operator does it."""

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from uuid import uuid4

from redis import Redis
from sqlalchemy import NullPool, create_engine, text
from testcontainers.core.container import DockerContainer

from shared.bus.connect import connect
from shared.contracts.topics import TOPICS
from tests.support import servers
from tests.support.callers import SIGNING_KEY
from tests.support.kafka_broker import answers
from tests.support.production_shape import led
from tests.support.service_process import SERVICES, eventually, run_to_end

_KAFKA_FOLDER = "/var/lib/kafka/data"
_PGDATA = "/var/lib/postgresql/data"
_OWNER = "tallystick_migrate"
# The files of both servers, the copies of both, and the archive of PostgreSQL's log are volumes.
_ARCHIVE = "test ! -f /archive/%f && cp %p /archive/%f"
_RESTORE = "cp /archive/%f %p"


@dataclass(frozen=True, slots=True)
class LosableServers:
    """Addresses that outlive every loss."""

    kafka_port: int
    redis: str
    postgres_port: int
    kafka_container: DockerContainer
    postgres_container: DockerContainer

    @property
    def bus_url(self) -> str:
        """The BUS_URL of every service."""
        return f"kafka://localhost:{self.kafka_port}"

    def env(self, service: str, *, role: str = "tallystick_app") -> dict[str, str]:
        """The settings of a service; those of its migration for the role that owns its tables."""
        stores = {"STATE_URL": self.redis, "DATABASE_URL": self.database(service, role=role)}
        return {"BUS_URL": self.bus_url, **stores, "SIGNING_KEY": SIGNING_KEY}

    def database(self, service: str, *, role: str = "tallystick") -> str:
        """The address of a service's database."""
        return servers.postgres_address(self.postgres_port, role=role, database=service)

    def run(self, *command: str, service: str = "catalogue", role: str = "tallystick_app") -> None:
        """A Python module as a command has ended well."""
        done = run_to_end("-m", *command, env=self.env(service, role=role))
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    def migrate(self) -> None:
        """Every service's database has the newest schema."""
        for service in SERVICES:
            self.run(service, "migrate", service=service, role=_OWNER)

    async def create_topics(self) -> None:
        """Every topic is there, and its partitions are led."""
        self.run("shared.bus", "topics", "create")
        bus = connect(self.bus_url)
        try:
            await bus.ensure_topics(TOPICS)
            await led(bus)
        finally:
            await bus.close()

    # Redis

    def lose_redis(self) -> None:
        """It is empty."""
        with Redis.from_url(self.redis) as client:
            client.flushall()

    # Kafka

    def lose_kafka(self) -> None:
        """A new cluster is in its place, without any topic."""
        self._kafka("stop")
        self._on_files(self.kafka_container, f"rm -rf {_KAFKA_FOLDER}/*")
        self._kafka("start")

    def copy_kafka(self) -> None:
        """A copy of the stopped broker's files has been taken; it is running again."""
        self._kafka("stop")
        self._on_files(self.kafka_container, f"cp -a {_KAFKA_FOLDER}/. /copy/")
        self._kafka("start")

    def restore_kafka(self) -> None:
        """The broker has the files of the copy."""
        self._kafka("stop")
        self._on_files(self.kafka_container, f"rm -rf {_KAFKA_FOLDER}/* && cp -a /copy/. {_KAFKA_FOLDER}/")
        self._kafka("start")

    def _kafka(self, verb: str) -> None:
        container = self.kafka_container.get_wrapped_container()
        if verb == "stop":
            container.stop(timeout=20)
        else:
            container.start()
            eventually(self._kafka_answers)

    def _kafka_answers(self) -> bool:
        return asyncio.run(answers(f"localhost:{self.kafka_port}"))

    # PostgreSQL

    def lose_postgres(self) -> None:
        """A new server is in its place, with the roles and the empty databases of init.sql."""
        self._postgres_files(f"rm -rf {_PGDATA}/*")

    def back_up_postgres(self) -> None:
        """The backup that continuous archiving begins with has been taken."""
        self._psql_container("pg_basebackup", "-U", "tallystick", "-D", "/copy", "-c", "fast", "-X", "none")

    def postgres_now(self) -> str:
        """The present instant, in PostgreSQL's words; all that was written by now is in the archive."""
        now = str(self.sql("tallystick", "SELECT clock_timestamp()::text")[0][0])
        self.archive_postgres()
        return now

    def archive_postgres(self) -> None:
        """Whatever was written by now is in the archive: the part that is being written is closed."""
        # A transaction must have ended after the instant that a recovery is to stop at.
        self.sql("tallystick", "SELECT pg_current_xact_id()")
        (closed,) = self.sql("tallystick", "SELECT pg_walfile_name(pg_switch_wal())")
        archived = "SELECT coalesce(max(last_archived_wal), '') FROM pg_stat_archiver"
        eventually(lambda: str(self.sql("tallystick", archived)[0][0]) >= str(closed[0]))

    def restore_postgres(self, *, to: str) -> None:
        """The server is as it was at the instant `to`."""
        settings = (
            f"restore_command = '{_RESTORE}'",
            f"recovery_target_time = '{to}'",
            "recovery_target_action = promote",
        )
        lines = "".join(f'echo "{line}" >> {_PGDATA}/postgresql.auto.conf; ' for line in settings)
        self._postgres_files(
            f"set -e; rm -rf {_PGDATA}/*; cp -a /copy/. {_PGDATA}/; {lines} touch {_PGDATA}/recovery.signal; "
            f"chown -R postgres: {_PGDATA}"
        )
        eventually(lambda: not self.sql("tallystick", "SELECT pg_is_in_recovery()")[0][0])

    def begin_database_again(self, service: str) -> None:
        """The service's database has an empty schema; the old one stays beside it under another name."""
        for statement in (
            "ALTER SCHEMA public RENAME TO before_the_loss",
            "CREATE SCHEMA public",
            "GRANT USAGE ON SCHEMA public TO tallystick_app, tallystick_worker, tallystick_readonly",
        ):
            self.sql(service, statement, role=_OWNER)

    def sql(self, database: str, statement: str, *, role: str = "tallystick") -> Sequence[Sequence[object]]:
        """The rows of one statement, whose effect is committed."""
        engine = create_engine(self.database(database, role=role), poolclass=NullPool)
        with engine.begin() as connection:
            answer = connection.execute(text(statement))
            return [tuple(row) for row in answer] if answer.returns_rows else []

    def _postgres_files(self, change: str) -> None:
        """The stopped server's files were changed, and it answers again."""
        container = self.postgres_container.get_wrapped_container()
        container.kill()
        self._on_files(self.postgres_container, change)
        container.start()
        eventually(self._postgres_answers)

    def _postgres_answers(self) -> bool:
        ready = ("pg_isready", "-U", "tallystick", "-h", "127.0.0.1", "-d", "billing")
        return bool(self.postgres_container.get_wrapped_container().exec_run(ready).exit_code == 0)

    def _psql_container(self, *command: str) -> None:
        code, output = self.postgres_container.get_wrapped_container().exec_run(command, user="postgres")
        assert code == 0, output

    @staticmethod
    def _on_files(container: DockerContainer, script: str) -> None:
        _docker(
            "run",
            "--rm",
            "--user=0",
            "--volumes-from",
            str(container.get_wrapped_container().id),
            "--entrypoint=bash",
            servers.POSTGRES,
            "-c",
            script,
        )


@contextmanager
def losable_servers() -> Iterator[LosableServers]:
    """Servers that nobody else uses; gone afterwards, with all copies."""
    with ExitStack() as stack:
        volumes = {name: stack.enter_context(_volume(name)) for name in ("kafka", "kafka-copy", "copy", "archive")}
        _docker(
            "run",
            "--rm",
            "--user=0",
            "--entrypoint=bash",
            "-v",
            f"{volumes['kafka']}:/k",
            servers.POSTGRES,
            "-c",
            "chown 1000:1000 /k",
        )
        _docker(
            "run",
            "--rm",
            "--user=0",
            "--entrypoint=bash",
            "-v",
            f"{volumes['copy']}:/c",
            "-v",
            f"{volumes['archive']}:/a",
            servers.POSTGRES,
            "-c",
            "chown postgres: /c /a",
        )
        kafka_port, postgres_port = servers.free_port(), servers.free_port()
        kafka = (
            servers.kafka_container(kafka_port)
            .with_env("KAFKA_LOG_DIRS", _KAFKA_FOLDER)
            .with_volume_mapping(volumes["kafka"], _KAFKA_FOLDER, "rw")
            .with_volume_mapping(volumes["kafka-copy"], "/copy", "rw")
        )
        postgres = (
            servers.postgres_container()
            .with_bind_ports(5432, postgres_port)
            .with_volume_mapping(volumes["copy"], "/copy", "rw")
            .with_volume_mapping(volumes["archive"], "/archive", "rw")
            .with_command(["postgres", "-c", "archive_mode=on", "-c", f"archive_command={_ARCHIVE}"])
        )
        stack.enter_context(kafka)
        stack.enter_context(postgres)
        redis = stack.enter_context(servers.redis())
        yield LosableServers(kafka_port, redis, postgres_port, kafka, postgres)


@contextmanager
def _volume(name: str) -> Iterator[str]:
    volume = f"tallystick-{name}-{uuid4().hex[:8]}"
    _docker("volume", "create", volume)
    try:
        yield volume
    finally:
        _docker("volume", "rm", volume)


def _docker(*arguments: str) -> str:
    ended = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"docker {arguments[0]}: {ended.stderr}"
    return ended.stdout
