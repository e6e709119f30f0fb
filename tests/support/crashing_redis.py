"""A Redis that can be killed, and whose append-only file can be cut or put back to what it was."""

import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as Unreachable
from redis.retry import Retry
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from tests.support.servers import REDIS, free_port

FOLDER = "/data"
NEWEST = ".incr.aof"  # what was written since the last rewriting


class CrashingRedis:
    """`url` stays the same over all crashes."""

    def __init__(self, container: DockerContainer, port: int) -> None:
        self._container = container.get_wrapped_container()
        self.url = f"redis://localhost:{port}/0"

    def crash(self) -> None:
        """The server is gone, as by `kill -9`."""
        self._container.kill()

    def start(self) -> None:
        """The server is there again, with what its append-only file holds."""
        self._container.start()
        patience = Retry(ConstantBackoff(0.05), 200, supported_errors=(Unreachable,))
        with Redis.from_url(self.url, retry=patience) as server:
            server.ping()

    def files(self) -> bytes:
        """A copy of the append-only file, as somebody's backup may be."""
        chunks, _ = self._container.get_archive(f"{FOLDER}/appendonlydir")
        return b"".join(chunks)

    def put_back(self, files: bytes) -> None:
        """The append-only file of a crashed server is what it was when it was copied."""
        self._container.put_archive(FOLDER, files)

    def commits(self) -> list[list[list[bytes]]]:
        """What was written since the last rewriting: one command alone, or those of a script together."""
        return _commits(_commands(self._newest()))

    def put(self, commands: Sequence[Sequence[bytes]]) -> None:
        """The running server holds what these commands write, and nothing else."""
        with Redis.from_url(self.url) as server:
            server.flushall()
            for command in commands:
                server.execute_command(*command)

    def _newest(self) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(self.files())) as whole:
            (newest,) = (member for member in whole if member.name.endswith(NEWEST))
            content = whole.extractfile(newest)
            return b"" if content is None else content.read()

    def cut(self, chance: Random) -> int:
        """The newest part of a crashed server's file ends at a random byte of its second half; returns bytes lost."""
        lost, cut = 0, io.BytesIO()
        with tarfile.open(fileobj=io.BytesIO(self.files())) as whole, tarfile.open(fileobj=cut, mode="w") as shorter:
            for member in whole:
                content = whole.extractfile(member)
                held = b"" if content is None else content.read()
                if member.name.endswith(NEWEST):
                    member.size = chance.randrange(len(held) // 2, len(held))
                    lost = len(held) - member.size
                shorter.addfile(member, io.BytesIO(held))
        self.put_back(cut.getvalue())
        return lost


def _commands(file: bytes) -> Iterator[list[bytes]]:
    """The commands of an append-only file: `*` and how many arguments, then each as `$`, its length and its bytes."""
    stream = io.BytesIO(file)
    while count := stream.readline():
        command = []
        for _ in range(int(count[1:])):
            command.append(stream.read(int(stream.readline()[1:])))
            stream.read(2)
        yield command


def _commits(commands: Iterator[list[bytes]]) -> list[list[list[bytes]]]:
    found: list[list[list[bytes]]] = []
    for command in commands:
        if command == [b"MULTI"]:
            found.append(list(iter(lambda: next(commands), [b"EXEC"])))
        elif command[0] != b"SELECT":
            found.append([command])
    return found


@contextmanager
def crashing_redis() -> Iterator[CrashingRedis]:
    """A server of one's own, until the block is left."""
    port = free_port()
    container = (
        DockerContainer(REDIS)
        .with_bind_ports(6379, port)
        .with_command("redis-server --appendonly yes --appendfsync always --maxmemory-policy noeviction --save ''")
        .waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    )
    with container:
        yield CrashingRedis(container, port)
