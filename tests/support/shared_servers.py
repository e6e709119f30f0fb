"""One real server of each kind for a whole run: whichever worker asks first starts it, and the others get its address.

What a test may do with one of them is bounded by what all other tests do with it at the same time: databases, topics,
groups and keys have names of the test's own. A test that stops, freezes or configures a server starts its own.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Literal

import docker
from docker.errors import NotFound
from testcontainers.core.container import DockerContainer

from tests.support import servers

Kind = Literal["kafka", "redis", "postgres"]
Started = tuple[DockerContainer, Callable[[], str]]
_FOLDER = "TALLYSTICK_TEST_SERVERS"  # the environment of a run's workers names the folder of its addresses


def begin() -> bool:
    """Servers may be shared from here on; False where a run around this one has begun already, and will end it."""
    if _FOLDER in os.environ:
        return False
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="servers-")
    return True


def end() -> None:
    """Every shared server of the run is removed."""
    folder = Path(os.environ.pop(_FOLDER))
    started = [json.loads(path.read_text(encoding="utf-8"))["container"] for path in folder.glob("*.json")]
    if started:
        client = docker.from_env()
        for container in started:
            _remove(client, container)
        client.close()
    shutil.rmtree(folder)


def address_of(kind: Kind) -> str:
    """The address of the run's server of that kind, which is started where it is not there yet."""
    with one_at_a_time(kind) as folder:
        path = folder / f"{kind}.json"
        if not path.exists():
            container, address = _PREPARED[kind]()
            container.start()
            path.write_text(json.dumps({"container": container.get_container_id(), "address": address()}))
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])


@contextmanager
def one_at_a_time(name: str) -> Iterator[Path]:
    """No other worker of the run is in a block of that name; yields the run's folder."""
    begin()
    folder = Path(os.environ[_FOLDER])
    with (folder / f"{name}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield folder


def _kafka() -> Started:
    port = servers.free_port()
    return servers.kafka_container(port), lambda: f"localhost:{port}"


def _redis() -> Started:
    container = servers.redis_container()
    return container, lambda: servers.redis_address(container)


def _postgres() -> Started:
    container = servers.shared_postgres_container()
    return container, lambda: servers.postgres_address(int(container.get_exposed_port(5432)))


_PREPARED: dict[Kind, Callable[[], Started]] = {"kafka": _kafka, "redis": _redis, "postgres": _postgres}


def _remove(client: docker.DockerClient, container: str) -> None:
    try:
        client.containers.get(container).remove(force=True, v=True)
    except NotFound:
        return  # somebody was tidying up by hand
