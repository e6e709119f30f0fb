"""How the command speaks: answers on stdout, as text or JSON; progress and failures on stderr; and its exit codes."""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from secrets import token_hex
from time import sleep
from typing import TYPE_CHECKING, Literal, NoReturn, TypeVar

if TYPE_CHECKING:  # `--help` prints by itself, and does not wait for these
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table
    from rich.text import Text

T = TypeVar("T")
# Control characters but for tab and newline: what somebody else wrote must not clear the screen, or colour it. Nor may
# it turn the order of what follows (UAX 9, section 2), and half a character cannot be printed.
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
OutputForm = Literal["text", "json", "csv"]
WATCH_EVERY_S = 5
_USUAL_WIDTH = 80

EXIT_NOT_VERIFIED = 1
EXIT_INCOMPLETE = 1
EXIT_INVALID = 2
EXIT_BUSY = 3
EXIT_BUG = 70  # EX_SOFTWARE of sysexits.h
EXIT_OUTPUT_CLOSED = 141  # 128 + SIGPIPE


class _Output:
    """Prints each line as it is: no markup, no emoji, no wrapping. Imports rich with the first of them."""

    def __init__(self, *, stderr: bool = False) -> None:
        self._stderr = stderr

    def print(self, line: "str | Text | Table", *, soft_wrap: bool = True) -> None:
        """The line is printed; of a text, characters that would steer a terminal as what they are: `\\x1b`."""
        shown = _unsteered(line) if isinstance(line, str) else line
        self.console.print(shown, soft_wrap=soft_wrap)

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return self.console.is_terminal

    @cached_property
    def console(self) -> "Console":
        """What writes it."""
        from rich.console import Console

        made = Console(stderr=self._stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)
        if made.width < 1:  # COLUMNS=0, or a terminal that does not say: rich would print nothing at all
            made.width = _USUAL_WIDTH
        return made


out = _Output()
err = _Output(stderr=True)


def one_line(name: str) -> str:
    """A name that somebody else gave, as part of a line: a file's may hold newlines, and bytes that are no text."""
    return _unsteered(name).replace("\n", "\\n").replace("\t", "\\t")


def _unsteered(text: str) -> str:
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def var_folder() -> Path:
    """Where state lives: `TALLYSTICK_VAR`, else ./var."""
    return Path(os.environ.get("TALLYSTICK_VAR") or "var")


def answer(value: object, lines: "Iterable[str | Table]", *, as_json: bool) -> None:
    """The answer is on stdout: `value` as JSON and nothing else, or `lines` for people."""
    import msgspec

    if as_json:
        out.print(msgspec.json.format(msgspec.json.encode(value)).decode())
        return
    for line in lines:
        out.print(line, soft_wrap=isinstance(line, str))


def plain_table(headings: Sequence[str], rows: Iterable[Sequence[str]], *, right: Collection[str] = ()) -> list[str]:
    """Lines of a table whose cells are whole, however narrow the terminal: ids are there to be copied.

    The columns named in `right` are aligned there.
    """
    table = [list(headings), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    aligned = [str.rjust if heading in right else str.ljust for heading in headings]
    return [
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=True)).rstrip()
        for row in table
    ]


def watched(
    read: Callable[[], T],
    form: OutputForm,
    *,
    lines: "Callable[[T], Iterable[str | Table]]",
    csv: Callable[[T], str],
    again: bool,
) -> None:
    """The answer that was `read` is on stdout in its form; with `again`, every `WATCH_EVERY_S` until Ctrl-C.

    A terminal then shows the newest alone. Elsewhere they follow each other: as JSON each on a line of its own, as text
    and CSV each below the instant at which it was read.
    """
    import msgspec

    from shared.clock import WallClock

    while True:
        found = read()
        if again and out.is_terminal:
            out.console.clear()
        elif again and form != "json":
            out.print(f"# {WallClock().now():%Y-%m-%dT%H:%M:%SZ}")
        if form == "csv":
            out.print(csv(found).replace("\r\n", "\n").rstrip("\n"))
        elif form == "json" and again:
            out.print(msgspec.json.encode(found).decode())
        else:
            answer(found, lines(found), as_json=form == "json")
        if not again:
            return
        sleep(WATCH_EVERY_S)


def fail(what: str, *, do: str, code: int = EXIT_INVALID) -> NoReturn:
    """The command ends with `code`, after a sentence on what happened and one on what was kept and what to do."""
    from rich.text import Text

    err.print(Text(_unsteered(what), style="bold red"))
    err.print(do)
    raise SystemExit(code)


def require_writable(path: Path | None) -> None:
    """`path` can be written when the work is done; ends the command now where it cannot."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        _unwritable(path, fault.strerror)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        _unwritable(path, "it is a folder, or may not be written")


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """A path to write to, which is the file's once the block is left well. Where it is not, the file is as it was.

    A pipe, a device, and a file in a folder that may not be written are written in place.
    """
    target = path.resolve()
    if (target.exists() and not target.is_file()) or not os.access(target.parent, os.W_OK):
        with naming(path):
            yield target
        return
    written = target.with_name(f".tallystick-{token_hex(4)}.tmp")
    try:
        with naming(path):
            yield written
            if target.exists():
                shutil.copymode(target, written)
            written.replace(target)
    finally:
        written.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """A fault of writing, which does not say of which file it is, is one of `path`."""
    try:
        yield
    except OSError as fault:
        fault.filename = str(path)
        raise


def write_file(path: Path, content: bytes) -> None:
    """`content` is in the file, whose folder is made; ends the command where it cannot be written."""
    require_writable(path)
    try:
        with replaced(path) as written:
            written.write_bytes(content)
    except OSError as fault:
        _unwritable(path, fault.strerror)


def _unwritable(path: Path, why: str | None) -> NoReturn:
    fail(f"{path} cannot be written: {why}.", do="Name another place. What was stored before is kept.")


@contextmanager
def progress() -> "Iterator[Progress]":
    """A place for progress bars on stderr; silent where nobody watches."""
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.text import Text

    in_bytes = DownloadColumn()

    class CountColumn(MofNCompleteColumn):
        def render(self, task: Task) -> Text:
            return in_bytes.render(task) if task.fields.get("of_bytes") else super().render(task)

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        CountColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err.console, transient=False) as bars:
        try:
            yield bars
        except BaseException:
            for each in (each for each in bars.tasks if not each.finished):
                bars.update(each.id, description=f"{each.description} (stopped)")
            raise
