"""The first rows of an export, column by column, and how its file shows that it is written."""

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tallystick.replay.delimited import declared_delimiter
from tallystick.replay.file_form import DELIMITERS, FileForm
from tallystick.replay.files import open_table
from tallystick.replay.json_lines import column_names
from tallystick.replay.opened import BROKEN, broken, kind_of, open_bytes, open_text
from tallystick.replay.table import Header, InvalidRow, LeftOut, Row, UnreadableFile

_ROWS = 1_000
_BYTES = 1_000_000
# Lines above which a header is looked for.
_LOOKED_AT = 30
_ENCODINGS = ("utf-8-sig", "cp1252")
# What systems and people write where there is nothing.
_NO_DAYS = ("00/00/0000", "0000-00-00")
_NOTHING = frozenset(
    [
        *("-", "--", "---", "–", "—", "?", ".", "n/a", "na", "null", "none", "nil", "nan", "nat", "not set"),
        *("not applicable", "(blank)", "(empty)", "(null)", "(none)", "0000-00-00t00:00:00"),
        *(f"{day}{time}" for day in _NO_DAYS for time in ("", " 00:00", " 00:00:00")),
    ]
)


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a file, and the form by which they were read."""

    form: FileForm
    header: Header
    rows: Sequence[Row]

    @property
    def columns(self) -> list[str]:
        """The columns that have a name of their own."""
        return [each for each in self.header.columns if each and self.header.columns.count(each) == 1]

    def cells(self, column: str) -> list[str]:
        """The cells of a column that say something."""
        return [text for text in self.every_cell(column) if text]

    def every_cell(self, column: str) -> list[str]:
        """The cells of a column, in order of the rows; a blank one is empty."""
        cell = self.header.cell(column)
        return [cell(row) for row in self.rows]

    def nothing_in(self, columns: Iterable[str]) -> tuple[str, ...]:
        """The words of those columns that mean a blank cell."""
        found = {text for column in columns for text in self.cells(column) if text.casefold() in _NOTHING}
        return tuple(sorted(found))

    def with_blank(self, words: Collection[str]) -> "Sample":
        """The same where those words mean a blank cell."""
        return replace(self, header=replace(self.header, blank=frozenset(words)))


def read_sample(path: Path) -> Sample:
    """The first rows of the file at `path`, of a workbook those of the sheet that has most; raises `UnreadableFile`."""
    try:
        forms = _forms(path)
    except BROKEN as fault:
        raise broken(path, 0, fault) from fault
    found = max((_read(path, form) for form in forms), key=lambda sample: len(sample.rows))
    if not found.rows:
        raise UnreadableFile(f"{path.name} has no row below its header: nothing shows what its columns are")
    return found


def _forms(path: Path) -> list[FileForm]:
    """The ways in which the file may be read: of a workbook each sheet, where it has several."""
    kind = kind_of(path)
    if kind in {"delimited", "tabs"}:
        return [_text_form(path)]
    if kind == "workbook":
        from tallystick.replay.workbook import sheet_names

        if len(names := sheet_names(path)) > 1:
            return [FileForm(sheet=name) for name in names]
    return [FileForm()]


def _read(path: Path, form: FileForm) -> Sample:
    """The first rows, of which there are none in an empty sheet."""
    try:
        if kind_of(path) == "json-lines":
            table = open_table(path, form, needed=column_names(path, form))
        else:
            form = _with_header(path, form)
            table = open_table(path, form, needed=())
    except UnreadableFile:
        if form.sheet is None:
            raise
        return Sample(form, Header(()), [])
    rows = [row for _, row in islice(table.rows(), _ROWS) if not isinstance(row, InvalidRow | LeftOut)]
    return Sample(form, table.header, rows)


def _text_form(path: Path) -> FileForm:
    """The encoding and the separator that the file shows."""
    encoding = next((each for each in _encodings(path) if _is_text(path, each)), "latin-1")
    form = FileForm(encoding=encoding)
    return FileForm(encoding=encoding, delimiter=declared_delimiter(path, form) or _delimiter(path, encoding))


def _with_header(path: Path, form: FileForm) -> FileForm:
    """The form with the line of the header, the first of the fullest, where lines above it say what the file is."""
    table = open_table(path, form, needed=())
    rows: list[tuple[int, Row]] = [(0, list(table.header.columns))]
    rows += [(line, row) for line, row in islice(table.below(), _LOOKED_AT) if not isinstance(row, InvalidRow)]
    filled = [len({cell.strip() for cell in row if cell.strip()}) for _, row in rows]
    line, _ = rows[filled.index(max(filled))]
    is_title = filled[0] <= max(filled) / 2
    return replace(form, header_line=line) if line and is_title else form


def _encodings(path: Path) -> Sequence[str]:
    """Those that are tried; only a file that begins with its mark is UTF-16."""
    with open_bytes(path) as content:
        is_marked = content.read(2) in {BOM_UTF16_LE, BOM_UTF16_BE}
    return ("utf-16", *_ENCODINGS) if is_marked else _ENCODINGS


def _is_text(path: Path, encoding: str) -> bool:
    with open_bytes(path) as content:
        start = content.read(_BYTES)
    try:
        start.decode(encoding)
    except UnicodeDecodeError as fault:
        return fault.start > len(start) - 4 and len(start) == _BYTES  # a character that the sample cuts in two
    return True


def _delimiter(path: Path, encoding: str) -> str:
    with open_text(path, encoding) as content:
        first = "".join(content.readline(_BYTES) for _ in range(_LOOKED_AT))
    return max(DELIMITERS, key=first.count)
