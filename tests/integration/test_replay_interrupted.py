"""A replay that Ctrl-C, once or often, SIGTERM or a closed terminal ends says what is true, and goes on later."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tallystick.interruption import Interruption
from tests.support.service_process import eventually, state_folder_env
from tests.support.ticket_export import AS_OF, ticket_export

LONGEST_S = 120
SCRATCH = "replay.tmp"  # there while a replay works


pytestmark = pytest.mark.usefixtures("as_from_a_terminal")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return ticket_export(tmp_path_factory.mktemp("desk"), tickets=600, seed=3)


def started(files: tuple[Path, Path], folder: Path, *options: str) -> subprocess.Popen[str]:
    export, mapping = map(str, files)
    command = (sys.executable, "-m", "tallystick", "replay", export, "--mapping", mapping, "--as-of", AS_OF)
    return subprocess.Popen(
        [*command, "--verdicts", str(folder / "verdicts.csv"), *options],
        env=state_folder_env(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(running: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = running.communicate(timeout=LONGEST_S)
    return running.returncode, errors


@pytest.fixture(scope="module")
def undisturbed(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The verdict file of a replay that nobody interrupts."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, errors = ended(started(files, folder))
    assert code == 0, errors
    return (folder / "verdicts.csv").read_bytes()


@pytest.mark.parametrize(
    ("number", "times", "after_s"),
    [
        (signal.SIGINT, 1, 0.4),
        pytest.param(signal.SIGINT, 6, 0.0, marks=pytest.mark.long),  # the next one is interrupted as often, later
        (signal.SIGINT, 6, 1.5),
        (signal.SIGTERM, 1, 1.0),
        (signal.SIGHUP, 1, 0.2),
    ],
)
def test_it_says_what_was_kept_and_goes_on_to_the_same_verdicts(
    number: signal.Signals, times: int, after_s: float, files: tuple[Path, Path], undisturbed: bytes, tmp_path: Path
) -> None:
    running = started(files, tmp_path)
    eventually((tmp_path / SCRATCH).exists)
    time.sleep(after_s)
    for _ in range(times):
        running.send_signal(number)
        time.sleep(0.02)

    code, errors = ended(running)

    assert code == 128 + number, errors
    assert errors.endswith(f"{Interruption.RESUMES.sentence}\n")
    assert "Traceback" not in errors
    assert not (tmp_path / "verdicts.csv").exists()
    assert times > 1 or not (tmp_path / SCRATCH).exists()
    again, errors = ended(started(files, tmp_path))
    assert (again, (tmp_path / "verdicts.csv").read_bytes()) == (0, undisturbed), errors


def test_a_closed_terminal_ends_it_although_nothing_can_be_said_there(files: tuple[Path, Path], tmp_path: Path) -> None:
    with started(files, tmp_path) as running:
        eventually((tmp_path / SCRATCH).exists)
        assert running.stderr is not None
        running.stderr.close()
        running.send_signal(signal.SIGHUP)

        assert running.wait(LONGEST_S) == 128 + signal.SIGHUP

    assert not (tmp_path / SCRATCH).exists()
