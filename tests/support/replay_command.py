"""The real `tallystick replay` in a process of its own, over a folder of state of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

from tests.support.figures import print_figure

_LOCK = "services.lock"
_LOOK_EVERY_S = 0.005
_SPEED = re.compile(r"Judged and metered in .*: ([\d,]+) a second")


@dataclass(frozen=True, slots=True)
class ReplayCommand:
    """A replay that can be started any number of times. `options` are those of the command beside these two."""

    file: Path
    mapping: str
    as_of: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayRun:
    """A replay that came to its end. `output` is its standard output; `working_s` leaves the start of Python out."""

    folder: Path
    output: str
    working_s: float
    peak_rss_mb: float

    @property
    def verdicts(self) -> Path:
        """The file of verdicts."""
        return _verdicts(self.folder)

    @property
    def cost(self) -> str:
        """What it took, for people."""
        found = _SPEED.search(self.output)
        speed = "no" if found is None else found[1]
        return f"{self.working_s:.1f} s, {speed} events a second, at most {self.peak_rss_mb:.0f} MB resident"


def run(command: ReplayCommand, folder: Path) -> ReplayRun:
    """The replay into `folder` has ended well; `AssertionError` with what it said where it has not."""
    with _Running(command, folder) as running:
        status, usage = running.waited()
    assert status == 0, f"the replay ended with {status}:\n{_errors(folder).read_text('utf-8')}"
    return ReplayRun(folder, _output(folder).read_text("utf-8"), running.working_s, usage / 1024)


@contextmanager
def run_apart(command: ReplayCommand) -> Iterator[ReplayRun]:
    """The replay has ended well, in a folder that is gone afterwards: a year of real data fills half a gigabyte."""
    with TemporaryDirectory(prefix=f"{Path(command.mapping).stem}-") as folder:
        ran = run(command, Path(folder))
        print_figure(f"{command.mapping}: {ran.cost}")
        yield ran


def run_killed(command: ReplayCommand, folder: Path, *, after_s: float) -> bool:
    """The replay into `folder` was killed `after_s` seconds after it began to work; False where it had ended before."""
    with _Running(command, folder) as running:
        time.sleep(after_s)
        running.kill()
        status, _ = running.waited()
    assert status in {0, -SIGKILL}, f"the replay ended with {status} by itself:\n{_errors(folder).read_text('utf-8')}"
    return status == -SIGKILL


class _Running:
    """A started replay. The lock's file is removed first, so that its creation shows that the replay has begun."""

    def __init__(self, command: ReplayCommand, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _LOCK).unlink(missing_ok=True)
        self._folder = folder
        with _output(folder).open("wb") as output, _errors(folder).open("wb") as errors:
            self._process = subprocess.Popen(
                _arguments(command, folder),
                env=os.environ | {"TALLYSTICK_VAR": str(folder), "COLUMNS": "200"},
                stdout=output,
                stderr=errors,
            )
        self.working_s = 0.0

    def __enter__(self) -> "_Running":
        while not (self._folder / _LOCK).exists() and self._process.poll() is None:
            time.sleep(_LOOK_EVERY_S)
        self._began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def kill(self) -> None:
        """The process is killed, without a chance to tidy up. Nothing where it has ended."""
        self._process.kill()

    def waited(self) -> tuple[int, int]:
        """The exit status, negative for a signal, and the most memory held at once, in kB where it is known."""
        if self._process.returncode is not None:
            return self._process.returncode, 0
        _, status, usage = os.wait4(self._process.pid, 0)
        self.working_s = time.monotonic() - self._began
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, usage.ru_maxrss


def _arguments(command: ReplayCommand, folder: Path) -> Sequence[str]:
    asked = (
        str(command.file),
        "--mapping",
        command.mapping,
        "--as-of",
        command.as_of,
        "--verdicts",
        str(_verdicts(folder)),
    )
    return sys.executable, "-m", "tallystick", "replay", *asked, *command.options


def _verdicts(folder: Path) -> Path:
    return folder / "verdicts.csv"


def _output(folder: Path) -> Path:
    return folder / "output.txt"


def _errors(folder: Path) -> Path:
    return folder / "errors.txt"
