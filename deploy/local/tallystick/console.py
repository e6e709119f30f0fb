"""How the command speaks: progress on long work, and failures that say what happened, what was kept, what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

out = Console()
err = Console(stderr=True)

EXIT_BAD_INPUT = 2
EXIT_IN_USE = 3


def var_folder() -> Path:
    """Where state lives: `TALLYSTICK_VAR`, else ./var."""
    return Path(os.environ.get("TALLYSTICK_VAR", "var"))


def fail(what: str, *, do: str, code: int = EXIT_BAD_INPUT) -> NoReturn:
    """The command ends with `code`, having said what is wrong and what to do."""
    err.print(f"[bold red]{what}[/]", highlight=False)
    err.print(do, highlight=False)
    raise SystemExit(code)


@contextmanager
def progress() -> Iterator[Progress]:
    """A place for progress bars; silent where nobody watches."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=False) as bars:
        yield bars
