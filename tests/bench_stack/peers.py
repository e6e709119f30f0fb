"""The same rules on the stream processors that a user would take instead, each with its recovery on as in production.

They are no dependency of Tallystick: each is installed, at the version that this file names, into a virtual environment
of its own in the user's cache folder, with the interpreter that runs the bench.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.contracts.topics import VERDICTS, Topic
from tests.bench_stack.cost import Cost
from tests.bench_stack.environment import BenchEnvironment, ProgramFailed, counting_program
from tests.bench_stack.filled_log import count_records

_ROOT = Path(__file__).parents[2]
_INSTALLED = "installed"  # a file of the environment that is written last
_UNDONE = (
    "They run the product's rules. The rest of its row they leave out: verdicts in SQL, the offset in one write with",
    "the results, the search for an id that is used for two items, and what falls due without an event. The product",
    "is done when every verdict is recorded; they are when the last event is judged, whatever is still to be written.",
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A stream processor: what to install, and the command that runs the rules on it.

    `how` says with which settings: its defaults, or what its documentation recommends for throughput; recovery is on.
    """

    name: str
    packages: tuple[str, ...]
    command: tuple[str, ...]
    how: str

    @property
    def label(self) -> str:
        """Its name and version."""
        return f"{self.name} {self.packages[0].rpartition('=')[2]}"


# What recomputes a month beside billing.
DUCKDB = "duckdb==2.0.1"
# Versions of November 2026. In a command, `{state}` is an empty folder for what the program keeps on disk.
PEERS = (
    Peer(
        "Bytewax",
        ("bytewax==0.21.1", "confluent-kafka==2.16.1"),
        ("-m", "tests.bench_stack.peer_bytewax", "{state}"),
        "1,000 records a poll, snapshots of state every 10 s into SQLite (its defaults), at least once",
    ),
    Peer(
        "Quix Streams",
        ("quixstreams==3.28.1",),
        ("-m", "tests.bench_stack.peer_quix", "{state}"),
        "buffers of 10,000 records, RocksDB with a changelog, a checkpoint every 5 s (its defaults), at least once",
    ),
)


def measure(env: BenchEnvironment, peer: Peer, *, events: int) -> Cost | str:
    """What an event costs on the peer; or a line that says why it could not be installed, or did not get to the end."""
    try:
        return _measure(env, peer, installed(peer.packages), events=events)
    except (subprocess.CalledProcessError, OSError, ProgramFailed) as failure:
        return f"{peer.label} is left out: {_reason(failure)}"


def notes() -> list[str]:
    """What was compared, and what the peers leave undone."""
    return [*(f"{peer.label}: {peer.how}." for peer in PEERS), *_UNDONE]


def _measure(env: BenchEnvironment, peer: Peer, python: Path, *, events: int) -> Cost:
    output = Topic(f"bench.{peer.packages[0].partition('=')[0]}", VERDICTS.key, VERDICTS.partitions, 1, (), ())
    env.ensure_topics([output])
    with TemporaryDirectory() as state:
        command = [part.format(state=state) for part in peer.command]
        given = {"PYTHONPATH": str(_ROOT), "BENCH_BROKER": env.broker, "BENCH_OUTPUT": output.name}
        with counting_program(*command, python=str(python), env=given) as program:
            cost = env.measure(peer.label, events, program.position, [program.id])
    if not count_records(env, output):
        raise ProgramFailed("it has announced nothing")
    return cost


def installed(packages: Sequence[str]) -> Path:
    """The interpreter of an environment that holds the packages; raises `CalledProcessError` where it cannot be had."""
    folder = _folder(packages)
    python = folder / "bin/python"
    if not (folder / _INSTALLED).exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=False, symlinks=True)
        _pip(python, packages)
        _lend_packages(python)
        (folder / _INSTALLED).touch()
    return python


def _folder(packages: Sequence[str]) -> Path:
    """Another one for every interpreter and every version."""
    name = "\n".join([*packages, sys.version, sys.prefix])
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "tallystick-bench" / f"{packages[0]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _pip(python: Path, packages: Sequence[str]) -> None:
    """The packages are installed as wheels: what needs a compiler takes longer than the whole bench."""
    quiet = ("--quiet", "--disable-pip-version-check", "--only-binary", ":all:")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", *quiet, *packages]
    subprocess.run(command, capture_output=True, text=True, check=True)


def _lend_packages(python: Path) -> None:
    """What runs the bench can be imported there too, after all that the peer has brought itself."""
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    asked = subprocess.run([str(python), "-c", ask], capture_output=True, text=True, check=True)
    line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    Path(asked.stdout.strip(), "tallystick.pth").write_text(line, encoding="utf-8")


def _reason(failure: Exception) -> str:
    text = failure.stderr if isinstance(failure, subprocess.CalledProcessError) else str(failure)
    return (text or str(failure)).strip().splitlines()[-1]
