"""A mapping and a CSV as texts, replayed: what came of them."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from shared.contracts.codec import AnyEvent, decode_event
from shared.contracts.envelope import ItemEvent
from tallystick.replay.events import TimedEvent
from tallystick.replay.mapping import ReplayMapping, read_mapping
from tallystick.replay.rows import RejectedRow, RowCounts
from tallystick.replay.scratch import Scratch
from tallystick.replay.translate import translate

TICKETS = """
source: /replay/desk
rows: item
kind: ticket
zone: Europe/London
item: number
council: {column: council}
service: {constant: ict}
events:
  - {event: opened, column: opened}
  - {event: resolved, column: resolved}
"""

ACTIVITIES = """
source: /replay/log
rows: event
kind: ticket
zone: Europe/London
item: ticket
time: at
activity: did
council: {constant: adur}
service: {constant: ict}
events:
  - {event: opened, pick: first}
  - {event: reopened, activity: [Work, Wait], during: [done, closed]}
  - {event: paused, activity: [Wait], during: [open], data: {reason: waiting, awaiting: council}}
  - {event: resumed, activity: [Work], during: [paused]}
  - {event: resolved, activity: [Fix], during: [open, paused]}
ignore: [Note]
"""

READINGS = """
source: /replay/payments
rows: reading
zone: Europe/London
council: {column: council}
service: {constant: accounts-payable}
date: paid
quantity: {column: lines}
"""
NAMED_READINGS = READINGS.replace("date: paid", "date: paid\nreading: number\nadjusts: of")


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay gave."""

    timed: list[TimedEvent]
    counts: RowCounts
    rejected: list[RejectedRow]

    @property
    def events(self) -> list[AnyEvent]:
        """The events, decoded as a service would."""
        return [decode_event(timed.value) for timed in self.timed]

    @property
    def names(self) -> list[str]:
        """The types of the events, as short as people write them."""
        return [str(event.__struct_config__.tag).split(".")[2] for event in self.events]

    def only(self) -> ItemEvent:
        """The one event that there is."""
        (event,) = self.events
        assert isinstance(event, ItemEvent)
        return event


def mapping_of(folder: Path, text: str, **lookups: str) -> ReplayMapping:
    """The mapping that `text` says, read from a file in `folder`; `lookups` are their CSV texts by name."""
    if not lookups and "lookups:" not in text:
        return _mapping(text)
    path = folder / "mapping.yaml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(
        str(path), lookups={name: _written(folder / f"{name}.csv", csv) for name, csv in lookups.items()}
    )


@cache
def _mapping(text: str) -> ReplayMapping:
    """Reading YAML takes most of the time of a small replay, and few mappings are tried over and over."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.yaml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(str(path), lookups={})


def replay(folder: Path, mapping: str, csv: str, **lookups: str) -> Replayed:
    """What `csv` (a text) comes to under `mapping` (a text)."""
    return replay_file(mapping_of(folder, mapping, **lookups), _written(folder / "export.csv", csv))


def replay_file(mapping: ReplayMapping, path: Path) -> Replayed:
    """What the file at `path` comes to."""
    counts, rejected = RowCounts(), list[RejectedRow]()
    with closing(Scratch()) as scratch:
        timed = list(translate(mapping, path, counts=counts, rejects=rejected.append, scratch=scratch))
    return Replayed(timed, counts, rejected)


def changed(mapping: str, replacements: Mapping[str, str]) -> str:
    """`mapping` with each text replaced; fails where one is not in it."""
    for old, new in replacements.items():
        assert old in mapping, old
        mapping = mapping.replace(old, new)
    return mapping


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", newline="")
    return path
