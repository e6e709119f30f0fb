"""`tallystick try`: what holds of a document with targets and events, or with a tariff. Nothing is stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tallystick.console import answer, fail, out, plain_table, write_file
from tallystick.options import Json, input_file

if TYPE_CHECKING:
    from shared.documents import WrittenIn

LINES = (".ndjson", ".jsonl")
app = typer.Typer(add_completion=False)


@app.command(name="target")
def target(file: Annotated[Path, input_file("YAML, or JSON in a file named *.json.")], as_json: Json = False) -> None:
    """Evaluate a document of your own: hours, targets, what happened, questions.

    At a terminal the answer is YAML; in a pipe or a file, or with --json, it is JSON. docs/try-a-target.md describes
    the document, docs/try-target.schema.json its shape.
    """
    from shared.documents import MAX_DOCUMENT_BYTES
    from sla_monitor.trial.target import try_target

    _print(try_target(_document(file, MAX_DOCUMENT_BYTES), written_in=_form(file)), as_json=as_json)


@app.command(name="clocks")
def clocks(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Print this one, to try or to change.")] = None,
    to: Annotated[Path | None, typer.Option(help="Write it here instead of printing it.")] = None,
) -> None:
    """The clocks that councils keep by law are listed: documents for `try target`, each with its source.

    docs/clocks.md says what is in them.
    """
    from tallystick.clocks import clock_text, shipped_clocks, titles

    if name is None:
        for line in plain_table(("Name", "Clock", "Source"), titles()):
            out.print(line)
    elif name not in shipped_clocks():
        fail(f"No clock is called {name!r}.", do=f"It has {', '.join(shipped_clocks())}. Nothing was written.")
    elif to is None:
        typer.echo(clock_text(name), nl=False)
    elif to.exists():
        fail(f"{to} is there already.", do="Name another file. Nothing was written.")
    else:
        write_file(to, clock_text(name).encode())
        out.print(str(to))


@app.command(name="tariff")
def tariff(file: Annotated[Path, input_file("YAML, *.json, or *.ndjson.")], as_json: Json = False) -> None:
    """Rate a document of your own: a tariff, a month's usage, credits, questions.

    At a terminal the answer is YAML; in a pipe or a file, or with --json, it is JSON. A file named *.ndjson holds a
    document in each line, and is answered with a line for each, refused ones with their faults.
    docs/try-a-tariff.md describes the document, docs/try-tariff.schema.json its shape.
    """
    from billing.trial.tariff import try_tariff, try_tariffs
    from shared.documents import MAX_DOCUMENT_BYTES

    if file.suffix not in LINES:
        _print(try_tariff(_document(file, MAX_DOCUMENT_BYTES), written_in=_form(file)), as_json=as_json)
        return
    import msgspec

    with file.open("rb") as lines:
        for found in try_tariffs(lines):
            typer.echo(msgspec.json.encode(found))


def _document(file: Path, most: int) -> bytes:
    raw = file.read_bytes()
    if len(raw) > most:
        fail(f"{file.name} is longer than {most} bytes.", do="Split it. Nothing was evaluated.")
    return raw


def _form(file: Path) -> "WrittenIn":
    return "json" if file.suffix == ".json" else "yaml"


def _print(found: object, *, as_json: bool) -> None:
    is_json = as_json or not out.is_terminal
    answer(found, [] if is_json else [_yaml(found)], as_json=is_json)


def _yaml(found: object) -> str:
    import msgspec
    import yaml

    return yaml.safe_dump(msgspec.to_builtins(found), sort_keys=False, allow_unicode=True).removesuffix("\n")
