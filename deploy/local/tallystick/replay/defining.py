"""Definitions of the catalogue, as people write them into a mapping."""

from typing import TypeVar

import msgspec

from shared.contracts.definitions import Target
from shared.contracts.thresholds import UnreadableThreshold, parse_threshold

Defined = TypeVar("Defined", bound=msgspec.Struct)


class InvalidDefinition(ValueError):
    """What is written is no definition of that kind; the message says where and why."""


def read_definition(kind: type[Defined], written: object) -> Defined:
    """The definition that `written` (texts, lists and mappings) is; raises `InvalidDefinition`."""
    if kind is Target:
        _check_threshold(written)
    try:
        # strict=False: YAML and CSV give texts, and "20" is the number 20 where a number is wanted.
        return msgspec.convert(written, kind, strict=False)
    except msgspec.ValidationError as fault:
        raise InvalidDefinition(str(fault)) from fault


def _check_threshold(written: object) -> None:
    """Says in words what the pattern of `within` can only say as a pattern."""
    match written:
        case {"within": str(within)}:
            try:
                parse_threshold(within)
            except UnreadableThreshold as fault:
                raise InvalidDefinition(f"within: {fault}") from fault
        case _:
            pass
