"""An example partnership: its definitions, and illustrative events brought to the log in order of arrival."""

from collections.abc import Callable, Iterator, Sequence

from catalogue.adapters.partnership_files import example_names
from catalogue.adapters.partnership_files import load as read_partnership_file
from shared.contracts.codec import encode_event
from shared.contracts.definitions import AnyDefinition
from shared.contracts.envelope import ItemEvent
from shared.instants import epoch_ms
from shared.log.port import Bus, Message
from shared.units import EpochMillis
from tallystick.console import fail
from tallystick.publish import publish


def example_definitions(name: str) -> list[AnyDefinition]:
    """What the example of that name defines; ends the command where there is none."""
    if name not in example_names():
        fail(f"There is no example {name!r}.", do=f"There are: {', '.join(example_names())}. Nothing was stored.")
    return [each.definition for each in read_partnership_file(name).entries]


async def send(bus: Bus, events: Sequence[tuple[str, ItemEvent]], *, report: Callable[[int], None]) -> None:
    """Every event is in the log under its topic. `report` gets how many are, after each batch."""
    await publish(bus, _messages(events), report)


def _messages(events: Sequence[tuple[str, ItemEvent]]) -> Iterator[tuple[str, Message]]:
    latest_ms = EpochMillis(0)
    for topic, event in events:
        # The log's clock goes on only: an event that came late was written when it came.
        latest_ms = max(latest_ms, epoch_ms(event.time))
        yield topic, Message(event.key, encode_event(event), timestamp_ms=latest_ms)
