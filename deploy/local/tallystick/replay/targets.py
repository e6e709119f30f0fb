"""Targets made from the rows of a lookup: a rule for each service, as another system's list has it."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from shared.contracts.definitions import Target
from tallystick.replay.defining import InvalidDefinition, read_definition
from tallystick.replay.form import TargetTemplates
from tallystick.replay.lookups import LookupTable
from tallystick.replay.table import InvalidRow

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


class UnusableTemplate(ValueError):
    """A row of the lookup, filled into its form, makes no target."""


def placeholders(form: Mapping[str, Any]) -> set[str]:
    """The columns that `form` is to be filled from."""
    return {name for text in form.values() if isinstance(text, str) for name in _PLACEHOLDER.findall(text)}


def target_of(form: Mapping[str, Any], *, service: str, cells: Mapping[str, str]) -> Target:
    """The target of `service`, and called after it, that `form` makes of `cells`; raises `InvalidDefinition`."""
    filled = {
        name: _PLACEHOLDER.sub(lambda found: cells[found[1]], text) if isinstance(text, str) else text
        for name, text in form.items()
    }
    return read_definition(Target, {**filled, "id": service, "service": service})


def targets_from(forms: TargetTemplates, table: LookupTable, service_id: Callable[[str], str]) -> Iterator[Target]:
    """One target for each row of `table` whose choice has a form; raises `UnusableTemplate` naming the row."""
    for key, cells in table.rows.items():
        form = forms.forms.get(cells[forms.choose])
        if form is None or key in forms.skip:
            continue
        try:
            yield target_of(form, service=service_id(cells[forms.service]), cells=cells)
        except (InvalidDefinition, InvalidRow) as fault:
            raise UnusableTemplate(f"lookup {forms.lookup!r}, row {key!r}: {fault}") from fault
