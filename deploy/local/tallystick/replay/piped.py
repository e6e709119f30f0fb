"""A pipe as a file: an export is read several times, and what comes through a pipe comes once."""

import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tallystick.console import err, naming
from tallystick.replay.table import UnreadableFile

# What a pipe of the shell is called: `/dev/stdin`, and the number of `<(command)`.
_SHELLS = {Path("/dev"), Path("/dev/fd"), Path("/proc/self/fd")}


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """`path`, or a copy of what came through it where it is a pipe or a terminal, which is gone afterwards.

    Raises `UnreadableFile` where it is neither these nor a file.
    """
    if path.is_file() or not path.exists():
        yield path
        return
    if not _ends(path):
        raise UnreadableFile(f"{path} is neither a file nor a pipe")
    with TemporaryDirectory(prefix="tallystick-pipe-") as folder:
        copy = Path(folder) / name_of(path)
        err.print(f"Reading {path} until it ends.")
        with naming(Path(folder).parent), path.open("rb") as content, copy.open("wb") as written:
            shutil.copyfileobj(content, written)
        yield copy


def name_of(path: Path) -> str:
    """What the file is called for people; what comes from the shell is `stdin`."""
    return "stdin" if path.parent in _SHELLS else path.name


def _ends(path: Path) -> bool:
    """Whether it is a pipe or a terminal: what a device such as /dev/zero gives has no end."""
    mode = path.stat().st_mode
    if stat.S_ISFIFO(mode):
        return True
    if not stat.S_ISCHR(mode):
        return False
    with path.open("rb", buffering=0) as device:
        return device.isatty()
