"""What every folder of tests shares: the real servers of a run, and marks that say what a test needs of the machine."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest
from redis import Redis
from structlog.testing import capture_logs
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests.support import databases, servers, shared_servers

DatabaseOf = Callable[[str], str]
_HERE = Path(__file__).parent
MARKED_FOLDERS = {"unit": "unit", "architecture": "host", "e2e": "host", "chaos": "host"}
# What takes minutes; a change of the order costs time and nothing else.
LONGEST = (
    "tests/chaos/",
    "tests/e2e/test_compose.py",
    "tests/integration/test_closing.py",
    "tests/integration/test_disasters.py",
    "tests/integration/test_replay_killed.py",
    "tests/integration/test_services_on_servers.py",
    "tests/simulation/",
)
_MINE = pytest.StashKey[bool]()
_REDIS_DATABASES = 16  # as many as a server has by default; the first is for names of a test's own


def pytest_configure(config: pytest.Config) -> None:
    """The servers of a run are shared by its workers, which start after this."""
    config.stash[_MINE] = not hasattr(config, "workerinput") and shared_servers.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was started for the run is gone after it."""
    if config.stash.get(_MINE, False):
        shared_servers.end()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes go by the name of their argument: packed ones hold the second of their making, which differs by worker."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests are marked by what they need: `docker` where a fixture asks for it, `unit` and `host` by their folder."""
    for item in items:
        if "docker_engine" in getattr(item, "fixturenames", ()):
            item.add_marker("docker")
        if mark := MARKED_FOLDERS.get(item.path.relative_to(_HERE).parts[0]):
            item.add_marker(mark)


class EachTestByItself(LoadScopeScheduling):  # type: ignore[misc] # xdist ships no types
    """Workers take one test with all its parameters after the other; a module whose tests share a fixture goes whole.

    The marks of `--dist loadgroup` would say the same, if xdist 3.8 could attach them under pytest 9.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return module if _has_shared_fixtures(_HERE.parent / module) else nodeid.partition("[")[0]

    def _assign_work_unit(self, node: WorkerController) -> None:
        # Every other worker begins with what takes longest: left to the end, it would keep one worker busy alone. The
        # others begin elsewhere, since most of it starts servers of its own.
        if int(node.gateway.id.removeprefix("gw")) % 2 == 0:
            longest = next((scope for scope in self.workqueue if scope.startswith(LONGEST)), None)
            if longest is not None:
                self.workqueue.move_to_end(longest, last=False)
        super()._assign_work_unit(node)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> EachTestByItself:
    """Work is shared out so, whatever `--dist` says."""
    return EachTestByItself(config, log)


@cache
def _has_shared_fixtures(module: Path) -> bool:
    return '@pytest.fixture(scope="module"' in module.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def docker_engine() -> None:
    """Containers can be started; without an engine the test is skipped, and in CI it fails."""
    servers.require_docker()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the services do."""
    return "asyncio"


@pytest.fixture(scope="session")
def kafka_server(docker_engine: None) -> str:
    """The bootstrap address of the run's broker; topics and groups have names of the test's own."""
    return shared_servers.address_of("kafka")


@pytest.fixture(scope="session")
def redis_server(docker_engine: None) -> str:
    """The address of the run's Redis; keys have names of the test's own."""
    return shared_servers.address_of("redis")


@pytest.fixture
def redis_database(redis_server: str) -> Iterator[str]:
    """The address of an empty database of that Redis which no other test uses meanwhile."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    address = f"{redis_server.removesuffix('0')}{1 + number % (_REDIS_DATABASES - 1)}"
    with Redis.from_url(address) as server:
        server.flushdb()
        yield address
        server.flushdb()


@pytest.fixture(scope="session")
def postgres_server(docker_engine: None) -> str:
    """The address of the run's PostgreSQL, as a superuser; a test makes itself a database there."""
    return shared_servers.address_of("postgres")


@pytest.fixture(scope="session")
def migrated_databases(postgres_server: str) -> Callable[[str], str]:
    """The address of a service's own database, migrated, by the name of its package."""
    return databases.migrated_databases(postgres_server)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.docker)])
def dialect(request: pytest.FixtureRequest) -> str:
    """What asks for it runs once on each."""
    return str(request.param)


@pytest.fixture
def database_of(request: pytest.FixtureRequest, dialect: str, tmp_path: Path) -> Iterator[DatabaseOf]:
    """The address of a new database of a service, by the name of its package.

    On the server it is migrated, and the address is that of the role which the services work as.
    """
    with ExitStack() as made:
        yield _databases(request, dialect, tmp_path, made)


@pytest.fixture(scope="module")
def module_database_of(
    request: pytest.FixtureRequest, dialect: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DatabaseOf]:
    """As `database_of`, for what the tests of a module share."""
    with ExitStack() as made:
        yield _databases(request, dialect, tmp_path_factory.mktemp("databases"), made)


def _databases(request: pytest.FixtureRequest, dialect: str, folder: Path, made: ExitStack) -> DatabaseOf:
    if dialect == "sqlite":
        return lambda package: f"sqlite:///{folder}/{package}.db"
    migrated: DatabaseOf = request.getfixturevalue("migrated_databases")
    return lambda package: made.enter_context(databases.working_copy(migrated(package)))


@pytest.fixture
def as_from_a_terminal() -> Iterator[None]:
    """No signal of a terminal is ignored, also where tests are run in the background of a shell or under nohup."""
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler)}
    before |= {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def unprinted_logs() -> Iterator[None]:
    """What the services log is on stderr where a command is run; here it is not printed."""
    with capture_logs():
        yield
