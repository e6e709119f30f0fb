"""Rows of a file with one JSON object on each line. A column is a name, or a path of names: `fields.status.name`."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from shared.faults import did_you_mean, first_of
from tallystick.replay.delimited import LONGEST_ROW
from tallystick.replay.file_form import FileForm
from tallystick.replay.opened import BROKEN, broken, open_bytes
from tallystick.replay.table import InvalidRow, RawRow, Row, UnreadableFile

# A column that none of the first lines has is taken for a slip of the pen.
_LOOKED_THROUGH = 1_000


def json_rows(path: Path, form: FileForm, columns: Iterable[str]) -> Iterator[RawRow]:
    """Each line's values of the `columns`, in their order; a value that is not there is blank."""
    wanted = list(columns)
    for line, found in _objects(path, form):
        yield line, found if isinstance(found, InvalidRow) else _row(found, wanted)


def column_names(path: Path, form: FileForm) -> list[str]:
    """The columns of the first lines, in their order; raises `UnreadableFile` where there is none."""
    names: dict[str, None] = {}
    for _, found in islice(_objects(path, form), _LOOKED_THROUGH):
        if not isinstance(found, InvalidRow):
            names |= dict.fromkeys(found)
    if not names:
        raise UnreadableFile(f"{path.name}: the file is empty, or none of its lines is a JSON object with a name in it")
    return list(names)


def require_columns(path: Path, form: FileForm, needed: Iterable[str]) -> None:
    """Raises `UnreadableFile` naming the columns that none of the first lines has."""
    names = column_names(path, form)
    missing = [f"there is no column {name!r}{did_you_mean(name, names)}" for name in sorted(set(needed) - set(names))]
    if missing:
        raise UnreadableFile(f"{path.name}: {'; '.join(missing)}. Its columns are: {first_of(sorted(names))}")


def _objects(path: Path, form: FileForm) -> Iterator[tuple[int, dict[str, str] | InvalidRow]]:
    line = 0
    try:
        with open_bytes(path, form.read) as content:
            for line, written in enumerate(iter(lambda: content.readline(LONGEST_ROW + 1), b""), start=1):
                if len(written) > LONGEST_ROW:
                    raise UnreadableFile(f"{path.name}, line {line}: a line has more than {LONGEST_ROW:,} bytes")
                if text := written.strip():
                    if line == 1 and text.startswith(b"["):
                        raise UnreadableFile(f"{path.name} is one JSON array: write each object on a line of its own")
                    yield line, _object(text, form.encoding)
    except BROKEN as fault:
        raise broken(path, line, fault) from fault


def _object(text: bytes, encoding: str) -> dict[str, str] | InvalidRow:
    try:
        found = json.loads(text.decode(encoding), parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as fault:
        return InvalidRow(f"the line is no JSON: {fault}")
    if not isinstance(found, dict):
        return InvalidRow("the line is no JSON object")
    return dict(_flat(found, ""))


def _flat(found: dict[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _text(value)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def _row(found: dict[str, str], columns: Iterable[str]) -> Row:
    return [found.get(column, "") for column in columns]
