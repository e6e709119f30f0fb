"""Real servers for tests in containers. `tests.support.shared_servers` has the one of each kind that a run shares.

Without a Docker engine their tests are skipped, with a count in the summary; in CI a missing server is a failure.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

KAFKA = "apache/kafka:4.1.1"
REDIS = "redis:8"
POSTGRES = "postgres:17"
POSTGRES_INIT = Path(__file__).parents[2] / "deploy/postgres/init.sql"
DOCKER_SOCKET = Path("/var/run/docker.sock")
PASSWORD = "illustrative"  # noqa: S105 (of a database that lives as long as the test)

# The container library's own reaper is one more image to fetch; ours end with whoever started them.
os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")


def require_docker() -> None:
    """The test goes on only where containers can be had; without them it is skipped, and in CI it fails."""
    if DOCKER_SOCKET.exists() or os.environ.get("DOCKER_HOST"):
        return
    if os.environ.get("CI") == "true":
        pytest.fail("CI needs a Docker engine: these tests run against the real servers")
    pytest.skip("no Docker engine: tests against real servers")


@contextmanager
def kafka(*, port: int | None = None) -> Iterator[str]:
    """The bootstrap address of a broker of one node that accepts connections."""
    port = port or free_port()
    with kafka_container(port):
        yield f"localhost:{port}"


def kafka_container(port: int) -> DockerContainer:
    """A broker of one node that will be at `port` of this machine, and has begun to serve when it is started."""
    return (
        DockerContainer(KAFKA)
        .with_bind_ports(port, port)
        .with_env("KAFKA_NODE_ID", "1")
        .with_env("KAFKA_PROCESS_ROLES", "broker,controller")
        .with_env("KAFKA_LISTENERS", f"PLAINTEXT://:9092,CONTROLLER://:9093,HOST://:{port}")
        .with_env("KAFKA_ADVERTISED_LISTENERS", f"PLAINTEXT://localhost:9092,HOST://localhost:{port}")
        .with_env("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,HOST:PLAINTEXT")
        .with_env("KAFKA_INTER_BROKER_LISTENER_NAME", "PLAINTEXT")
        .with_env("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER")
        .with_env("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093")
        .with_env("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1")
        .with_env("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1")
        .with_env("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1")
        .with_env("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0")
        .with_env("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "1000")
        .with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
        .waiting_for(LogMessageWaitStrategy("Kafka Server started"))
    )


@contextmanager
def redis() -> Iterator[str]:
    """The address of a Redis of one's own, until the block is left."""
    with redis_container() as container:
        yield redis_address(container)


def redis_container() -> DockerContainer:
    """A Redis that loses nothing: append-only, synced at every write, nothing evicted."""
    command = "redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction"
    return (
        DockerContainer(REDIS)
        .with_exposed_ports(6379)
        .with_command(command)
        .waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    )


def redis_address(container: DockerContainer) -> str:
    """The address of the first database of a started Redis."""
    return f"redis://localhost:{container.get_exposed_port(6379)}/0"


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL of one's own, as a superuser in a database that no service uses."""
    with shared_postgres_container() as container:
        yield postgres_address(int(container.get_exposed_port(5432)))


def shared_postgres_container() -> DockerContainer:
    """A PostgreSQL that is spared waiting for the disk: nobody crashes it."""
    return postgres_container().with_exposed_ports(5432).with_command("postgres -c fsync=off")


def postgres_container() -> DockerContainer:
    """A PostgreSQL as it is deployed, every role with the same password; its port is the caller's to publish."""
    container = (
        DockerContainer(POSTGRES)
        .with_env("POSTGRES_USER", "tallystick")
        .with_env("POSTGRES_PASSWORD", PASSWORD)
        .with_env("POSTGRES_DB", "tallystick")
        .with_volume_mapping(str(POSTGRES_INIT), "/docker-entrypoint-initdb.d/init.sql", "ro")
        .waiting_for(LogMessageWaitStrategy("database system is ready to accept connections", times=2))
    )
    for role in ("MIGRATE", "APP", "READONLY"):
        container.with_env(f"TALLYSTICK_{role}_PASSWORD", PASSWORD)
    return container


def postgres_address(port: int, *, role: str = "tallystick", database: str = "tallystick") -> str:
    """The address of a database on this machine's `port`."""
    return f"postgresql+psycopg://{role}:{PASSWORD}@localhost:{port}/{database}"


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
