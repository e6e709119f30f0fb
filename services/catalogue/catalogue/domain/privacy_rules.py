"""Definitions carry no personal data: what looks like it is refused, but where a party is reached.

There a role's mailbox, its telephone and the postal address of an organisation belong, and the mailbox to which a
council's statements are announced (docs/privacy.md). Who writes the name of a person into them cannot be seen from the
form.
"""

from collections.abc import Iterator, Mapping

import msgspec

from shared.contracts.definitions import AnyDefinition
from shared.contracts.personal_data import Kind, found_in
from shared.faults import Fault, Path

# By the place that a field is in or below: what it may look like.
_ALLOWED: Mapping[Path, Kind] = {
    ("party", "contact", "email"): "an e-mail address",
    ("party", "contact", "telephone"): "a phone number",
    ("party", "address"): "a postcode",
    ("statements_to",): "an e-mail address",
}


def personal_data_faults(definition: AnyDefinition) -> Iterator[Fault]:
    """A fault for each place that looks like personal data and is not where a party is reached."""
    for path, kind in found_in(msgspec.to_builtins(definition)):
        if not any(path[: len(place)] == place and kind == allowed for place, allowed in _ALLOWED.items()):
            yield Fault(path, f"looks like {kind}: definitions carry no personal data; a party has a contact for it")
