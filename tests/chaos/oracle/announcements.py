"""The verdicts that a reader of the announcements ends with, folded from the raw log."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.oracle.instants import second_of
from tests.chaos.oracle.log import LoggedRecord
from tests.chaos.oracle.tickets import ExpectedVerdict, TargetKey

KIND = len("tallystick.sla.")
MARK = "tallystick.sla.judged-through.v1"
# When live state was lost the same correction may be made again for another cause.
MAY_DIFFER = frozenset({"cause"})


@dataclass
class Announcements:
    """`verdicts` are the latest after all that was taken; a message that comes again changes nothing."""

    verdicts: dict[TargetKey, ExpectedVerdict] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    # Ids under which two different things were announced.
    contradicted: list[str] = field(default_factory=list)
    _contents: dict[str, int] = field(default_factory=dict)

    @property
    def ids(self) -> int:
        """How many different messages there are."""
        return len(self._contents)

    def take(self, record: LoggedRecord) -> None:
        """The record's message is folded in; records come in the order of their partition. A mark says of none."""
        if record.event["type"] == MARK:
            return
        event, content = record.event, _content(record.event)
        if event["id"] in self._contents:
            self.repeated += 1
            if self._contents[event["id"]] != content:
                self.contradicted.append(event["id"])
            return
        self._contents[event["id"]] = content
        self._fold(event)

    def _fold(self, event: Mapping[str, Any]) -> None:
        kind, data = event["type"][KIND:].removesuffix(".v1"), event["data"]
        self.kinds[kind] += 1
        key = TargetKey(event["council"], data["agreement"], data["target"], data["stream"], event["subject"])
        if kind == "retracted":
            # After a loss a verdict may be retracted that has changed since: the last state is what counts.
            self.verdicts.pop(key, None)
        elif kind != "warning":
            self.verdicts[key] = verdict_of(data)


def verdict_of(data: Mapping[str, Any]) -> ExpectedVerdict:
    """The verdict in a message's data."""
    stopped = data.get("stopped_at")
    return ExpectedVerdict(
        data["outcome"],
        data["month"],
        second_of(data["due_at"]),
        None if stopped is None else second_of(stopped),
        data.get("elapsed_s"),
    )


def _content(event: Mapping[str, Any]) -> int:
    data = {name: value for name, value in event["data"].items() if name not in MAY_DIFFER}
    return hash(json.dumps([event["type"], event["council"], event["subject"], data], sort_keys=True))
