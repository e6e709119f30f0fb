"""The values of a row, found as the mapping says."""

from collections.abc import Callable, Mapping

from shared.contracts.items import NewItemData
from tallystick.replay.ids import IdAssigner, line_prefix
from tallystick.replay.lookups import LookupTable
from tallystick.replay.mapping_schema import AnyItems, AnyRows, CellValue
from tallystick.replay.table import Header, InvalidRow, Row, Table
from tallystick.replay.times import Times

Read = Callable[[Row], str]
Lookups = Mapping[str, LookupTable]


class IdField:
    """An id that every row has: its council, its service, its priority."""

    def __init__(self, name: str, value: CellValue, header: Header, lookups: Lookups) -> None:
        self._name = value.column or name
        self._naming = IdAssigner(_chosen(value))
        self.text = text_of(value, header, lookups)

    def __call__(self, row: Row) -> str:
        """The id that the row has; raises `InvalidRow`."""
        return self.id_of(self.text(row))

    def id_of(self, text: str) -> str:
        """The id that `text` makes; raises `InvalidRow`, also where it is empty."""
        if not text:
            raise InvalidRow(f"{self._name}: the cell is blank")
        return self._naming.id_of(text, column=self._name)


class OwnerFields:
    """Whose row it is: the council, and the service it used."""

    def __init__(self, content: AnyRows, header: Header, lookups: Lookups) -> None:
        self.council = IdField("council", content.council, header, lookups)
        self.service = IdField("service", content.service, header, lookups)


class ItemFields(OwnerFields):
    """What a row says of its item."""

    def __init__(self, content: AnyItems, header: Header, lookups: Lookups, times: Times) -> None:
        super().__init__(content, header, lookups)
        self._times = times
        self._priority = content.priority and IdField("priority", content.priority, header, lookups)
        self._attributes = {name: attribute_of(value, header, lookups) for name, value in content.attributes.items()}
        self._due_column = content.due
        self._due = header.cell(content.due) if content.due else None

    def new_item(self, row: Row) -> NewItemData:
        """The data of the event with which the row's item begins; raises `InvalidRow`."""
        attributes = {name: text for name, read in self._attributes.items() if (text := read(row))}
        due = self._due(row) if self._due else ""
        return NewItemData(
            service=self.service(row),
            priority=self._priority(row) if self._priority else "normal",
            attributes=attributes,
            due_at=self._times.instant(due, column=self._due_column or "") if due else None,
        )


def subject_of(column: str | None, table: Table) -> Callable[[int, Row], str]:
    """How to find the id of what a row is about, given its line: in `column`, or made of the file's name and line."""
    if column is None:
        prefix = line_prefix(table.path)
        return lambda line, _: f"{prefix}-{line}"
    cell, naming = table.header.cell(column), IdAssigner({}, keep_valid=True)
    return lambda _, row: naming.id_of(cell(row), column=column)


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


def _chosen(value: CellValue) -> dict[str, str]:
    """The ids that a person wrote into the mapping, by the texts that they replace."""
    if value.constant is not None:
        return {value.constant: value.constant}
    return value.values if value.default is None else {value.default: value.default} | value.values
