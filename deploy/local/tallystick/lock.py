"""One process at a time runs the services on a folder of state; others may read it and append to its log."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class FolderInUse(Exception):
    """Another process runs the services on this folder."""


@contextmanager
def exclusive_use(folder: Path) -> Iterator[None]:
    """Nobody else runs the services on `folder`; raises `FolderInUse`. A killed process leaves no lock behind."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "services.lock", os.O_CREAT | os.O_RDWR)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as busy:
            raise FolderInUse(f"another tallystick is running on {folder}") from busy
        yield
    finally:
        os.close(handle)
