"""The verdicts that a reader of the announcements holds true, folded from the raw log."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.oracle.log import Raw
from tests.chaos.oracle.tickets import Holds, Promise, second_of

KIND = len("tallystick.sla.")
# When live state was lost the same correction may be made again on another occasion: these tell the occasion.
OF_THE_OCCASION = frozenset({"cause"})


@dataclass
class Announced:
    """`holds` is what stands after all that was taken; a message that comes again changes nothing."""

    holds: dict[Promise, Holds] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    # Ids under which two different things were said.
    contradicted: list[str] = field(default_factory=list)
    _said: dict[str, int] = field(default_factory=dict)

    @property
    def ids(self) -> int:
        """How many different messages there are."""
        return len(self._said)

    def take(self, record: Raw) -> None:
        """The record's message is folded in; records come in the order of their partition."""
        event, content = record.event, _content(record.event)
        if event["id"] in self._said:
            self.repeated += 1
            if self._said[event["id"]] != content:
                self.contradicted.append(event["id"])
            return
        self._said[event["id"]] = content
        self._fold(event)

    def _fold(self, event: Mapping[str, Any]) -> None:
        kind, data = event["type"][KIND:].removesuffix(".v1"), event["data"]
        self.kinds[kind] += 1
        promise = event["council"], event["subject"], data["target"]
        if kind == "retracted":
            # On the way after a loss something may be taken back that no longer holds: what holds at the end is judged.
            self.holds.pop(promise, None)
        elif kind != "warning":
            self.holds[promise] = holds_of(data)


def holds_of(data: Mapping[str, Any]) -> Holds:
    """The verdict that a message's data tell."""
    stopped = data.get("stopped_at")
    return Holds(
        data["outcome"],
        data["month"],
        second_of(data["due_at"]),
        None if stopped is None else second_of(stopped),
        data.get("elapsed_s"),
    )


def _content(event: Mapping[str, Any]) -> int:
    data = {name: value for name, value in event["data"].items() if name not in OF_THE_OCCASION}
    return hash(json.dumps([event["type"], event["council"], event["subject"], data], sort_keys=True))
