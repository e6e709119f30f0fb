"""Targets made from the rows of a lookup: a rule for each service, as another system's list has it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.contracts.definitions import Target
from shared.contracts.target_rules import target_faults
from shared.validation import InvalidValue, validated
from tallystick.replay.lookups import LookupTable
from tallystick.replay.mapping_schema import TargetTemplates
from tallystick.replay.table import InvalidRow

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class UnusableTemplate(ValueError):
    """A row of the lookup, filled into its template, makes no target."""


def placeholders(template: Mapping[str, Any]) -> set[str]:
    """The columns that `template` is to be filled from."""
    return {name for text in template.values() if isinstance(text, str) for name in _PLACEHOLDER.findall(text)}


def target_of(template: Mapping[str, Any], *, service: str, cells: Mapping[str, str]) -> Target:
    """The target of `service`, and called after it, that `template` makes of `cells`; raises `InvalidValue`."""
    filled = {
        name: _PLACEHOLDER.sub(lambda found: cells[found[1]], text) if isinstance(text, str) else text
        for name, text in template.items()
    }
    target = validated({**filled, "id": service, "service": service}, Target)
    if faults := list(target_faults(target)):
        raise InvalidValue(faults)
    return target


def targets_from(made_from: TargetTemplates, table: LookupTable, service_id: Callable[[str], str]) -> Iterator[Target]:
    """One target for each row of `table` whose choice has a template; raises `UnusableTemplate` naming the row."""
    for key, cells in table.rows.items():
        template = made_from.templates.get(cells[made_from.choose])
        if template is None or key in made_from.skip:
            continue
        try:
            yield target_of(template, service=service_id(cells[made_from.service]), cells=cells)
        except (InvalidValue, InvalidRow) as fault:
            raise UnusableTemplate(f"lookup {made_from.lookup!r}, row {key!r}: {fault}") from fault
