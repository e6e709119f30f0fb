"""The values of a row, found as the mapping says."""

from collections.abc import Callable, Collection, Mapping
from hashlib import blake2b
from typing import NamedTuple

from shared.contracts.items import NewItemData
from tallystick.replay.ids import IdAssigner, item_id
from tallystick.replay.lookups import LookupTable
from tallystick.replay.mapping_schema import AnyItems, AnyRows, CellValue
from tallystick.replay.rows import ItemName
from tallystick.replay.scratch import FirstValues, Occurrences, Scratch
from tallystick.replay.table import Header, InvalidRow, Row, Table
from tallystick.replay.time_columns import TimeColumns

Read = Callable[[Row], str]
Lookups = Mapping[str, LookupTable]
_CONTENT_BYTES = 12


class IdField:
    """An id that every row has: its council, its service, its priority."""

    def __init__(self, name: str, value: CellValue, header: Header, lookups: Lookups) -> None:
        self._name, self._default = value.column or name, value.default
        self._naming = IdAssigner(value.values if value.constant is None else {value.constant: value.constant})
        self.text = text_of(value, header, lookups)

    def __call__(self, row: Row) -> str:
        """The id that the row has; raises `InvalidRow`."""
        return self.id_of(self.text(row))

    def id_of(self, text: str) -> str:
        """The id that `text` makes; raises `InvalidRow`, also where it is empty."""
        if not text:
            raise InvalidRow(f"{self._name}: the cell is blank")
        # What stands for a blank cell is an id, and no text that makes one: a cell `Normal` may make the same.
        return text if text == self._default else self._naming.id_of(text, column=self._name)


class OwnerFields:
    """Whose row it is: the council, and the service it used."""

    def __init__(self, content: AnyRows, header: Header, lookups: Lookups) -> None:
        self.council = IdField("council", content.council, header, lookups)
        self.service = IdField("service", content.service, header, lookups)


class ItemFields(OwnerFields):
    """What a row says of its item."""

    def __init__(self, content: AnyItems, header: Header, lookups: Lookups, times: TimeColumns) -> None:
        super().__init__(content, header, lookups)
        self._priority = content.priority and IdField("priority", content.priority, header, lookups)
        self._attributes = {name: attribute_of(value, header, lookups) for name, value in content.attributes.items()}
        self._due = times.reader(content.due) if content.due else None
        values = [content.service, *content.attributes.values(), *([content.priority] if content.priority else [])]
        self._vary = any(value.column is not None for value in values)

    def new_item(self, row: Row) -> NewItemData:
        """The data of the event with which the row's item begins; raises `InvalidRow`."""
        attributes = {name: text for name, read in self._attributes.items() if (text := read(row))}
        return NewItemData(
            service=self.service(row),
            priority=self._priority(row) if self._priority else "normal",
            attributes=attributes,
            due_at=self._due(row) if self._due else None,
        )

    def says(self, row: Row) -> NewItemData | None:
        """The same as far as rows of an item can differ; None where they cannot, or the row does not say it."""
        if not self._vary:
            return None
        try:
            return self.new_item(row)
        except InvalidRow:
            return None


class SubjectField:
    """The id of what a row is about: in a column, or made of the row's `content`, the cells of those columns.

    Equal rows are counted, so that they are several things; neither the file's name nor a line plays a part.
    Ids are of a council: what two councils call alike are two things.
    """

    def __init__(self, column: str | None, table: Table, scratch: Scratch, *, content: Collection[str]) -> None:
        self._column = column
        self._cell = None if column is None else table.header.cell(column)
        self._content = [(name, table.header.cell(name)) for name in sorted(content)]
        self._texts = FirstValues[bytes](scratch)
        self._occurrences = Occurrences(scratch)

    @property
    def named(self) -> bool:
        """Whether a column has the ids."""
        return self._column is not None

    def __call__(self, row: Row, *, council: str) -> str:
        """The id of what the row is about, to be asked for once a row; raises `InvalidRow`."""
        if self._cell is None or self._column is None:
            return self._counted(row)
        if not (text := self._cell(row)):
            raise InvalidRow(f"{self._column}: the cell is blank")
        return item_id(text, _TextsOf(council, self._texts), column=self._column)

    def _counted(self, row: Row) -> str:
        content = "\x1f".join(f"{name}\x1e{cell(row)}" for name, cell in self._content)
        digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=_CONTENT_BYTES).hexdigest()
        return f"row-{digest}-{self._occurrences.next(digest)}"


class _TextsOf(NamedTuple):
    """The texts that made the ids of one council's items first."""

    council: str
    texts: FirstValues[bytes]

    def setdefault(self, made: str, text: str) -> str:
        """As bytes, because some encodings can say half a character, which no database keeps as text."""
        first = self.texts.setdefault(f"{self.council}:{made}", text.encode("utf-8", "surrogatepass"))
        return first.decode("utf-8", "surrogatepass")


class ItemNames:
    """Which item a row is about. With `one_council`, ids are the file's own, whichever council a row names."""

    def __init__(
        self,
        council: IdField,
        column: str | None,
        table: Table,
        scratch: Scratch,
        *,
        content: Collection[str] = (),
        one_council: bool = False,
    ) -> None:
        self._council, self._one_council = council, one_council
        self._subject = SubjectField(column, table, scratch, content=content)

    def of(self, row: Row) -> ItemName:
        """The row's item, its council empty with `one_council`; raises `InvalidRow`."""
        council = "" if self._one_council else self._council(row)
        return council, self._subject(row, council=council)

    def of_refused(self, row: Row) -> ItemName | None:
        """The item as far as the row says which: its council is empty, or it is None, where it does not."""
        if not self._subject.named:
            return None
        try:
            council = "" if self._one_council else self._council(row)
        except InvalidRow:
            council = ""
        try:
            return council, self._subject(row, council=council)
        except InvalidRow:
            return None


def text_of(value: CellValue, header: Header, lookups: Lookups) -> Read:
    """How to find the text of `value` in a row; it is empty for a blank cell without a default."""
    if value.column is None:
        constant = value.constant or ""
        return lambda _: constant
    cell = header.cell(value.column)
    if value.lookup is not None and value.field is not None:
        cell = _looked_up(cell, lookups[value.lookup], value.lookup, value.field, value.default)
    if value.default is None:
        return cell
    default = value.default
    return lambda row: cell(row) or default


def attribute_of(value: CellValue, header: Header, lookups: Lookups) -> Read:
    """How to find an attribute of a row: its text, translated where the mapping says so."""
    text, values = text_of(value, header, lookups), value.values
    return lambda row: values.get(found := text(row), found)


def _looked_up(cell: Read, table: LookupTable, name: str, field: str, default: str | None) -> Read:
    def read(row: Row) -> str:
        key = cell(row)
        found = table.rows.get(key)
        if found is not None:
            return found[field]
        if key and default is None:
            raise InvalidRow(f"lookup {name!r} has no row for {key!r}")
        return ""

    return read
