"""A disk that is full, a folder that cannot be written, a file that is damaged or gone, on the embedded default.

Each is really caused. Whoever meets it ends with one sentence that names the file and says what to do: no traceback,
and no waiting.
"""

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.service_process import SERVICES, clean_environment, run_to_end, state_folder_env

COMMAND = ("-m", "tallystick")
LOAD, STATEMENT, DEMO = (
    (*COMMAND, "load", "adur-worthing"),
    (*COMMAND, "statement", "adur", "2026-10"),
    (*COMMAND, "demo"),
)
EVERYBODY = [LOAD, STATEMENT, DEMO, *(("-m", service) for service in SERVICES)]
FILES = ("log.db", "catalogue.db", "sla-monitor.db", "sla-monitor-state.db", "billing.db")
READ_BY = dict(zip(FILES, ("billing", "catalogue", "sla_monitor", "sla_monitor", "billing"), strict=True))
# Nobody waits so long for a sentence: what is stuck is ended here, and fails the test.
LONGEST_S = 60
PAGE = 4096


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a partnership, two months of events, and what the services made of them."""
    folder = tmp_path_factory.mktemp("written") / "var"
    for verb in (LOAD, (*COMMAND, "illustrate", "--example", "adur-worthing"), STATEMENT):
        ended = run_to_end(*verb, env=state_folder_env(folder))
        assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def state(written: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(written, tmp_path / "var"))


def ending_of(command: tuple[str, ...], folder: Path, *, before: Callable[[], None] | None = None) -> str:
    """All that a command that failed printed; it was one sentence on what happened, and at most one on what to do."""
    ended = subprocess.run(
        [sys.executable, *command],
        env={**clean_environment(), "TALLYSTICK_VAR": str(folder), "HTTP_PORT": "0", "ADMIN_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
        preexec_fn=before,
    )
    output = ended.stdout + ended.stderr
    assert ended.returncode in {1, 2}, output
    assert "Traceback" not in output
    assert "bug in Tallystick" not in output
    return output


@contextmanager
def disk(folder: Path, *options: str) -> Iterator[Path]:
    """A file system of its own in `folder`, mounted with `options`; only root may do that."""
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", *options, "none", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("command", EVERYBODY, ids=" ".join)
def test_a_full_disk(command: tuple[str, ...], written: Path, tmp_path: Path) -> None:
    size = (written / "log.db").stat().st_size + 200_000
    with disk(tmp_path / "disk", "-o", f"size={size}") as full:
        folder = full / "var"
        folder.mkdir()
        if command not in {LOAD, DEMO}:
            shutil.copy(written / "log.db", folder)  # whose reader needs more than is left
        if command == LOAD or command[-1] == "catalogue":
            (full / "rest").write_bytes(bytes(os.statvfs(full).f_bavail * os.statvfs(full).f_bsize - 60_000))

        output = ending_of(command, folder)

    assert str(folder) in output
    # SQLite says only that it could not write where the file that it shares with others does not fit.
    assert "takes no more: make room, and start it again" in output or "look whether its disk is full" in output


@pytest.mark.parametrize("piped", [False, True], ids=["a copy of the folder", "what came through a pipe"])
def test_a_full_disk_of_temporary_files(piped: bool, written: Path, tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    export.write_text("Ref\n" * 50_000, encoding="utf-8")
    named = f"<(cat {export})" if piped else f"{export} --dry-run"
    replay = f'exec "$0" -m tallystick replay {named} --mapping glpi'
    with disk(tmp_path / "temporary", "-o", "size=100k") as full:
        ended = subprocess.run(
            ["/bin/bash", "-c", replay, sys.executable],
            env={**clean_environment(), "TALLYSTICK_VAR": str(written), "TMPDIR": str(full)},
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )

        assert list(full.iterdir()) == []
    assert (ended.returncode, str(full) in ended.stderr) == (2, True), ended.stderr
    assert "No space left on device" in ended.stderr
    assert "bug in Tallystick" not in ended.stderr


@pytest.mark.parametrize("command", [LOAD, STATEMENT, ("-m", "sla_monitor"), ("-m", "billing")], ids=" ".join)
def test_files_that_may_not_grow(command: tuple[str, ...], written: Path, tmp_path: Path) -> None:
    """As with a quota of the user's: a write fails, and the disk is not full."""
    folder = tmp_path / "var"
    folder.mkdir()
    if command != LOAD:
        shutil.copy(written / "log.db", folder)
    limit = 50_000

    output = ending_of(command, folder, before=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))

    assert str(folder) in output
    assert "and start it again" in output


@pytest.mark.parametrize("command", EVERYBODY, ids=" ".join)
def test_a_folder_that_can_only_be_read(command: tuple[str, ...], written: Path, tmp_path: Path) -> None:
    with disk(tmp_path / "disk") as mounted:
        folder = Path(shutil.copytree(written, mounted / "var"))
        subprocess.run(["mount", "-o", "remount,ro", mounted], check=True)

        output = ending_of(command, folder)

    verb = command[1] == "tallystick"
    assert (
        f"{folder} cannot be read and written" if verb else f"{folder}/log.db cannot be opened and written"
    ) in output


@pytest.mark.parametrize("part", ["first", "others"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file(name: str, part: str, state: Path) -> None:
    """Its first page, or all others, hold something else: its beginning may look whole."""
    damage(state / name, first=part == "first")

    output = ending_of(("-m", READ_BY[name]), state)

    assert f"{state / name} is not a Tallystick database (damaged?): set TALLYSTICK_VAR to another folder" in output


@pytest.mark.parametrize("command", [LOAD, DEMO], ids=" ".join)
def test_a_catalogue_lost_beside_the_log_that_it_announced_to(command: tuple[str, ...], state: Path) -> None:
    for file in state.glob("catalogue.db*"):
        file.unlink()

    output = ending_of(command, state)

    assert "The database lacks what the log holds: " in output
    assert "Nothing was recorded." in output


def damage(file: Path, *, first: bool) -> None:
    """The pages of a database are overwritten: its first one, or every other."""
    pages = file.stat().st_size // PAGE
    with file.open("r+b") as opened:
        opened.seek(0 if first else PAGE)
        opened.write(b"\x93\x07 no page" * (PAGE // 10 * (1 if first else pages - 1)))
