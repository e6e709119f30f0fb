"""An example partnership: its definitions, and illustrative events brought to the log in order of arrival."""

from collections import defaultdict
from collections.abc import Callable, Sequence

from catalogue.adapters.partnership_files import example_names
from catalogue.adapters.partnership_files import load as read_partnership_file
from shared.contracts.codec import encode_event
from shared.contracts.definitions import AnyDefinition
from shared.contracts.envelope import ItemEvent
from shared.log.port import Bus, Message
from shared.units import EpochMillis
from tallystick.console import fail

_BATCH = 4000


def example_definitions(name: str) -> list[AnyDefinition]:
    """What the example of that name defines; ends the command where there is none."""
    if name not in example_names():
        fail(f"There is no example {name!r}.", do=f"There are: {', '.join(example_names())}. Nothing was stored.")
    return [each.definition for each in read_partnership_file(name).entries]


async def send(bus: Bus, events: Sequence[tuple[str, ItemEvent]], *, report: Callable[[int], None]) -> None:
    """Every event is in the log under its topic. `report` gets how many are, after each batch."""
    latest_ms = 0
    for start in range(0, len(events), _BATCH):
        topics: dict[str, list[Message]] = defaultdict(list)
        for topic, event in events[start : start + _BATCH]:
            # The log's clock goes on only: an event that came late was written when it came.
            latest_ms = max(latest_ms, int(event.time.timestamp() * 1000))
            topics[topic].append(Message(event.key, encode_event(event), timestamp_ms=EpochMillis(latest_ms)))
        for topic, messages in topics.items():
            await bus.publish(topic, messages)
        report(min(start + _BATCH, len(events)))
