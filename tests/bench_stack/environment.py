"""A broker, a Redis and a PostgreSQL of their own, services that run on them as processes, and what all of it used."""

import asyncio
import os
import subprocess
import sys
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from redis import Redis
from sqlalchemy import create_engine, text
from testcontainers.core.container import DockerContainer

from shared.bus.connect import connect
from shared.contracts.topics import TOPICS, Topic
from tests.bench_stack.cost import Cost
from tests.support import servers
from tests.support.databases import empty_database
from tests.support.service_process import ServiceProcess, clean_environment, run_to_end, running_service

_LOOK_EVERY_S = 0.1
# From here on a process is warm: interpreters start, groups form and caches fill before.
_WARM = 0.1
_PATIENCE_S = 900.0
_LAST_LINES = 5


@dataclass(frozen=True, slots=True)
class BenchEnvironment:
    """The servers' addresses, and the ids of their first processes, on this machine, by the servers' names."""

    broker: str
    redis: str
    postgres: str
    processes: Mapping[str, int]

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

    def ensure_topics(self, topics: Sequence[Topic]) -> None:
        """The broker has `topics`."""
        asyncio.run(_make_topics(self.bus, topics))

    def versions(self) -> str:
        """The servers and what they call their versions; Kafka's is that of its image."""
        with Redis.from_url(self.redis) as redis:
            held = redis.info("server")["redis_version"]
        engine = create_engine(self.postgres)
        with engine.connect() as connection:
            stored = connection.scalar(text("SHOW server_version"))
        engine.dispose()
        return f"Kafka {servers.KAFKA.rpartition(':')[2]}, Redis {held}, PostgreSQL {stored}"

    def measure(
        self,
        label: str,
        events: int,
        position: Callable[[], int],
        processes: Sequence[int],
        *,
        finished: Callable[[], bool] = lambda: True,
    ) -> Cost:
        """What an event costs, from when a tenth of `events` has been worked off until all of it is and `finished`.

        `processes` are the ids of those that work it off. How far they are is looked at ten times a second.
        """
        before = wait_for_records(round(events * _WARM), position)
        begun, own, used = time.monotonic(), _own_s(processes), self._used_s()
        if before >= events:
            raise RuntimeError("it was over before it could be measured: take more records")
        wait_for_records(events, position)
        wait_for_records(1, lambda: int(finished()))
        took = time.monotonic() - begun
        shares = {name: after - used[name] for name, after in self._used_s().items()}
        return Cost(label, events - before, took, _own_s(processes) - own, shares)

    def _used_s(self) -> dict[str, float]:
        """Seconds of processor that each server has used, with the processes that it has started."""
        return {name: tree_s(process) for name, process in self.processes.items()}


@contextmanager
def bench_environment() -> Iterator[BenchEnvironment]:
    """The servers are up and the topics are made; all are gone afterwards."""
    port = servers.free_port()
    with (
        servers.kafka_container(port) as kafka,
        servers.redis_container() as redis,
        servers.shared_postgres_container() as postgres,
    ):
        made = BenchEnvironment(
            f"localhost:{port}",
            servers.redis_address(redis),
            servers.postgres_address(int(postgres.get_exposed_port(5432))),
            {"Kafka": _first_process(kafka), "Redis": _first_process(redis), "PostgreSQL": _first_process(postgres)},
        )
        made.ensure_topics(TOPICS)
        yield made


def wait_for_records(wanted: int, position: Callable[[], int]) -> int:
    """Waits until at least `wanted` have been worked off, and says how many were."""
    until = time.monotonic() + _PATIENCE_S
    while (reached := position()) < wanted:
        if time.monotonic() > until:
            raise TimeoutError(f"{reached} of {wanted} records after {_PATIENCE_S:g} s")
        time.sleep(_LOOK_EVERY_S)
    return reached


def processor_s(process: int) -> float:
    """Seconds of processor that the process of that id has used, in all of its threads."""
    _, own, _ = _read_stat(Path(f"/proc/{process}/stat"))
    return own


def tree_s(first: int) -> float:
    """Seconds of processor that the process of that id has used, with all that come from it, ended ones too.

    The engine of the containers counts them as well, but lets the asker wait for seconds while work goes on.
    """
    found = {int(stat.parent.name): _read_stat(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
    children = defaultdict[int, list[int]](list)
    for process, (parent, _, _) in found.items():
        children[parent].append(process)
    used, to_count = 0.0, [first]
    while to_count:
        process = to_count.pop()
        _, own, ended = found[process]
        used += own + ended
        to_count += children[process]
    return used


def _read_stat(stat: Path) -> tuple[int, float, float]:
    """A process's parent, and the seconds that it has used itself and in children that have ended; zeros if it has."""
    try:
        fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0.0, 0.0
    user, system, ended_user, ended_system = map(int, fields[11:15])
    tick = os.sysconf("SC_CLK_TCK")
    return int(fields[1]), (user + system) / tick, (ended_user + ended_system) / tick


def _first_process(container: DockerContainer) -> int:
    wrapped = container.get_wrapped_container()
    wrapped.reload()
    return int(wrapped.attrs["State"]["Pid"])


class ProgramFailed(Exception):
    """A program that was to be measured ended before it was done, with what it said last."""


class CountingProgram:
    """A running program that prints how many events it has worked off, a line now and then."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process, self._count = process, 0
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._reader = Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def id(self) -> int:
        """That of its process."""
        return self._process.pid

    def position(self) -> int:
        """How many events it has worked off; raises `ProgramFailed` when it has ended."""
        if self._process.poll() is not None:
            self._reader.join()
            raise ProgramFailed(" ".join(self._lines) or f"exit code {self._process.returncode}")
        return self._count

    def close(self) -> None:
        """All that it printed has been read; the process has ended."""
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip().isdecimal():
                self._count = int(line)
            else:
                self._lines.append(line.strip())


@contextmanager
def counting_program(
    *command: str, python: str = sys.executable, env: Mapping[str, str] | None = None
) -> Iterator[CountingProgram]:
    """`python *command` runs until the block is left; then it is killed, for there is nothing of it to keep."""
    process = subprocess.Popen(
        [python, *command],
        env={**clean_environment(), **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    program = CountingProgram(process)
    try:
        yield program
    finally:
        process.kill()
        process.wait()
        program.close()


def _own_s(processes: Sequence[int]) -> float:
    return sum(map(processor_s, processes))


async def _make_topics(url: str, topics: Sequence[Topic]) -> None:
    bus = connect(url)
    await bus.ensure_topics(topics)
    await bus.close()
