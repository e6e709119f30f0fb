"""The bytes of an export: as they are, gzipped, or the one file in a .zip; and which kind of file they are."""

import gzip
import io
import zipfile
import zlib
from codecs import BOM_UTF8, lookup
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal, cast

from shared.faults import first_of
from tallystick.replay.table import UnreadableFile

# What a file that breaks off, or is damaged, raises while it is read. A damaged .gz is found out far into it.
BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile)
FileKind = Literal["delimited", "tabs", "workbook", "json-lines"]
_KINDS: dict[str, FileKind] = {
    ".tsv": "tabs",
    ".tab": "tabs",
    ".xlsx": "workbook",
    ".xlsm": "workbook",
    ".jsonl": "json-lines",
    ".ndjson": "json-lines",
    ".json": "json-lines",
}
# How packed files begin (RFC 1952, section 2.3.1; APPNOTE.TXT 6.3.10, section 4.3.7).
_PACKED = {b"\x1f\x8b": "a gzipped file", b"PK\x03\x04": "a .zip or a workbook"}
_MOST_MARKS = 8
# What macOS puts beside each file of a .zip.
_NOT_A_FILE = "__MACOSX/"
_ENCRYPTED = 0x1  # of the flags of a member (APPNOTE.TXT 6.3.10, section 4.4.4)


def kind_of(path: Path) -> FileKind:
    """What the file's name, or that of the file in the .zip, says it is. Raises `UnreadableFile` for an old .xls."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".zip"):
        with _zip(path) as archive:
            name = _member(path, archive).filename.lower()
    suffix = PurePosixPath(name).suffix
    if suffix == ".xls":
        raise UnreadableFile(f"{path.name} is a workbook of Excel 97: save it as .xlsx or as CSV")
    return _KINDS.get(suffix, "delimited")


class ReadBytes:
    """Up to which byte a file was read last, packed as it is."""

    def __init__(self) -> None:
        self.count = 0


class _CountedFile(io.FileIO):
    """A file that says how far it is read."""

    def __init__(self, path: Path, read: ReadBytes) -> None:
        super().__init__(path, "rb")
        self._read = read
        read.count = 0

    def readinto(self, buffer: Any, /) -> int:  # any buffer: only typeshed has a name for it
        count = super().readinto(buffer) or 0
        self._read.count = self.tell()
        return count


@contextmanager
def open_bytes(path: Path, read: ReadBytes | None = None) -> Iterator[BinaryIO]:
    """The content of the file, unpacked as it is read, which `read` counts; raises one of `BROKEN` where it is damaged.

    It is for people who wait: what is read ahead is counted.
    """
    with io.BufferedReader(_CountedFile(path, read or ReadBytes())) as raw:
        if path.suffix.lower() == ".gz":
            with gzip.open(raw, "rb") as content:
                yield cast("BinaryIO", content)  # GzipFile reads as one, and typeshed does not say so
        elif path.suffix.lower() == ".zip":
            with _zip(path, raw) as archive, archive.open(_member(path, archive)) as member:
                yield cast("BinaryIO", member)  # as above, of ZipExtFile
        else:
            yield raw


@contextmanager
def open_text(path: Path, encoding: str, read: ReadBytes | None = None) -> Iterator[io.TextIOWrapper]:
    """The file as text, its line ends as they are, without byte order marks.

    Raises `UnreadableFile` for one that is packed though its name does not say so.
    """
    with open_bytes(path, read) as content:
        _skip_marks(path, content, encoding)
        text = io.TextIOWrapper(content, encoding=encoding, newline="")
        try:
            yield text
        finally:
            text.detach()


def _skip_marks(path: Path, content: BinaryIO, encoding: str) -> None:
    start = _peek(content)
    for magic, what in _PACKED.items():
        if start.startswith(magic):
            raise UnreadableFile(f"{path.name} holds {what}: unpack it, or give it a name that says so")
    if lookup(encoding).name not in {"utf-8", "utf-8-sig"}:
        return
    for _ in range(_MOST_MARKS):  # some programs write one before the one that was there
        if not _peek(content).startswith(BOM_UTF8):
            return
        content.read(len(BOM_UTF8))


def _peek(content: BinaryIO) -> bytes:
    """The next bytes, which stay unread."""
    start: bytes = cast("io.BufferedReader", content).peek(len(BOM_UTF8) + 1)  # all three kinds of content have it
    return start


def broken(path: Path, line: int, fault: Exception) -> UnreadableFile:
    """What is said of a file that is damaged after `line`."""
    if not line and isinstance(fault, zipfile.BadZipFile | gzip.BadGzipFile):
        return UnreadableFile(f"{path.name} cannot be read: it is damaged, or not what its name says ({fault})")
    if not line and isinstance(fault, OSError) and fault.strerror:
        return UnreadableFile(f"{path.name} cannot be read: {fault.strerror}")
    what = "breaks off" if isinstance(fault, EOFError) else "cannot be read" if not line else "is damaged"
    # What openpyxl says has further lines, with advice for programmers.
    why = str(fault).partition("\n")[0]
    return UnreadableFile(f"{path.name} {what} after line {line}: {why}")


def _zip(path: Path, content: BinaryIO | None = None) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(content or path)
    except BROKEN as fault:
        raise broken(path, 0, fault) from fault


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file in the archive; raises `UnreadableFile` where it has none or several, or asks for a password."""
    files = [each for each in archive.infolist() if not each.is_dir() and not each.filename.startswith(_NOT_A_FILE)]
    if len(files) != 1:
        names = first_of([each.filename for each in files]) or "none"
        raise UnreadableFile(f"{path.name} must hold one file; it holds {names}: unpack it and name the one you mean")
    if files[0].flag_bits & _ENCRYPTED:
        raise UnreadableFile(f"{path.name} asks for a password: unpack it first")
    return files[0]
