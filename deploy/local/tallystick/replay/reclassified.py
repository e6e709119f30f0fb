"""What a row of an item says that the row before it did not: the item is of another service, priority or attribute."""

from msgspec import UNSET
from msgspec.structs import replace

from shared.contracts.items import NewItemData, ReclassifiedData


def changed_between(before: NewItemData, after: NewItemData) -> ReclassifiedData | None:
    """The change from `before` to `after`; None where there is none. What `after` leaves blank stays as it was."""
    attributes = {name: text for name, text in after.attributes.items() if before.attributes.get(name) != text}
    if after.service == before.service and after.priority == before.priority and not attributes:
        return None
    return ReclassifiedData(
        service=after.service if after.service != before.service else UNSET,
        priority=after.priority if after.priority != before.priority else UNSET,
        attributes=dict(attributes) or UNSET,
    )


def merged(before: NewItemData, after: NewItemData) -> NewItemData:
    """What the item is after the change."""
    attributes = {**before.attributes, **after.attributes}
    return replace(before, service=after.service, priority=after.priority, attributes=attributes)
