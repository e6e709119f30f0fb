"""A PostgreSQL of a test's own, to freeze, stop and start without harm to the others'."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from docker.errors import APIError
from testcontainers.core.container import DockerContainer

from tests.support.servers import free_port, postgres_address, postgres_container

FREEZE_ATTEMPTS = 10


@dataclass(frozen=True)
class Postgres:
    """The server in a container; its port outlives a restart."""

    port: int
    container: DockerContainer

    def url(self, role: str, database: str) -> str:
        """The address of one of its databases."""
        return postgres_address(self.port, role=role, database=database)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It answers nothing, while its machine keeps every connection open."""
        self._freeze()
        try:
            yield
        finally:
            self.container.get_wrapped_container().unpause()

    def _freeze(self) -> None:
        # A busy machine now and then fails to freeze processes in time, and leaves them running.
        for attempt in range(FREEZE_ATTEMPTS):
            try:
                self.container.get_wrapped_container().pause()
            except APIError:
                if attempt == FREEZE_ATTEMPTS - 1:
                    raise
            else:
                return

    def crash(self) -> None:
        """It is stopped at once, as by a power cut, and comes back."""
        self.container.get_wrapped_container().kill()
        self.container.get_wrapped_container().start()

    def end_connections(self) -> None:
        """For a second every connection but the one that does this is terminated, again and again."""
        others = "usename IS NOT NULL AND pid <> pg_backend_pid()"
        end = f"PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
        look_again = "PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01)"
        self.container.exec(
            [
                "psql",
                "-U",
                "tallystick",
                "-c",
                f"DO $$ BEGIN FOR n IN 1..100 LOOP {end}; {look_again}; END LOOP; END $$",
            ]
        )


@contextmanager
def own_postgres() -> Iterator[Postgres]:
    """A server that nobody else uses; gone afterwards."""
    port = free_port()
    with postgres_container().with_bind_ports(5432, port) as container:
        yield Postgres(port, container)
