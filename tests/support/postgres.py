"""A PostgreSQL of a test's own, to freeze, stop and start without harm to the others'."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tests.support.servers import PASSWORD, POSTGRES, free_port


@dataclass(frozen=True)
class Postgres:
    """The server in a container; its address outlives a restart."""

    url: str
    container: DockerContainer

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It answers nothing, while its machine keeps every connection open."""
        self.container.get_wrapped_container().pause()
        try:
            yield
        finally:
            self.container.get_wrapped_container().unpause()

    def crash(self) -> None:
        """It is stopped at once, as by a power cut, and comes back."""
        self.container.get_wrapped_container().kill()
        self.container.get_wrapped_container().start()

    def end_connections(self) -> None:
        """An operator ends every connection but his own."""
        others = "usename IS NOT NULL AND pid <> pg_backend_pid()"
        end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"  # noqa: S608 (ours)
        self.container.exec(["psql", "-U", "tallystick", "-c", end])


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """A server that nobody else uses; gone afterwards."""
    port = free_port()
    container = (
        DockerContainer(POSTGRES)
        .with_bind_ports(5432, port)
        .with_env("POSTGRES_USER", "tallystick")
        .with_env("POSTGRES_PASSWORD", PASSWORD)
        .with_env("POSTGRES_DB", "tallystick")
        .waiting_for(LogMessageWaitStrategy("database system is ready to accept connections", times=2))
    )
    with container:
        yield Postgres(f"postgresql+psycopg://tallystick:{PASSWORD}@localhost:{port}/tallystick", container)
