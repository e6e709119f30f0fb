"""A file that a command writes is whole or as it was before."""

import os
from pathlib import Path
from threading import Thread

import pytest

from tallystick.console import replaced, write_file
from tallystick.replay.rows import RejectedRow, reject_file


def write_half(path: Path) -> None:
    with replaced(path) as written:
        written.write_text("half", encoding="utf-8")
        raise KeyboardInterrupt


def test_a_file_is_as_it_was_where_writing_it_ends_early(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.csv"
    path.write_text("before", encoding="utf-8")

    with pytest.raises(KeyboardInterrupt):
        write_half(path)

    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_refused_rows_are_as_they_were_until_all_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    path.write_text("before", encoding="utf-8")

    with reject_file(path) as reject:
        reject(RejectedRow(2, "no"))
        assert path.read_text(encoding="utf-8") == "before"

    assert path.read_text(encoding="utf-8-sig").splitlines() == ["line,reason", "2,no"]


def test_a_file_keeps_its_permissions_and_stays_where_its_link_points(tmp_path: Path) -> None:
    path, link = tmp_path / "kept.csv", tmp_path / "link.csv"
    path.touch(mode=0o640)
    link.symlink_to(path)

    write_file(link, b"new")

    assert (path.read_bytes(), path.stat().st_mode & 0o777, link.is_symlink()) == (b"new", 0o640, True)


def test_a_pipe_is_written_in_place(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()

    write_file(pipe, b"through")

    reader.join()
    assert (read, pipe.is_fifo()) == ([b"through"], True)


def test_a_full_disk_is_a_fault_of_the_file_that_is_named() -> None:
    with pytest.raises(OSError, match="No space left on device") as full, replaced(Path("/dev/full")) as written:
        written.write_bytes(b"x")

    assert full.value.filename == "/dev/full"
