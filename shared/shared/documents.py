"""Documents that people write to try something: JSON or YAML, read as one type, refused with every fault at once."""

from collections.abc import Callable
from typing import Literal, TypeVar

from shared.faults import Fault, LocatedFault, TextPosition, listed, position_of
from shared.json_values import strict_json
from shared.validation import InvalidValue
from shared.yaml_values import YamlValues, read_yaml

D = TypeVar("D")
WrittenIn = Literal["json", "yaml"]
MAX_DOCUMENT_BYTES = 262_144


class InvalidDocument(ValueError):
    """The text is no document; `faults` is all that is wrong with it, in the order of the text."""

    def __init__(self, faults: list[LocatedFault]) -> None:
        super().__init__("\n".join(listed(faults)))
        self.faults = faults


def document_of(raw: bytes, written_in: WrittenIn, read: Callable[[object], D]) -> D:
    """What `read` makes of the plain values in `raw`; raises `NotStrictJson`, and `InvalidDocument` with all faults.

    `read` raises `InvalidValue`.
    """
    values = YamlValues(strict_json(raw)) if written_in == "json" else _yaml(raw)
    faults = list(values.faults)
    if values.value is not None or not faults:
        try:
            document = read(values.value)
        except InvalidValue as refused:
            faults += refused.faults
    if faults:
        located = [LocatedFault(fault, position_of(fault.path, values.positions)) for fault in faults]
        raise InvalidDocument(sorted(located, key=lambda each: each.position or TextPosition(0, 0)))
    return document


def _yaml(raw: bytes) -> YamlValues:
    try:
        return read_yaml(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        return YamlValues(faults=[Fault((), "is not UTF-8")])
