"""Which items of a shard have failed, and whose items are held because too many of them have.

Both are in the shard's head, so that a restart knows them without reading a single item.
"""

from collections.abc import Iterable, Mapping, Sequence

import structlog

from shared.contracts.envelope import split_item_key
from shared.contracts.scalars import Stream
from shared.log.failures import CodeFailure, attempt
from shared.log.port import Record, Shard
from shared.state.port import Head
from shared.units import CouncilId, ItemId
from sla_monitor.domain.decisions import ReevaluationRequest, request_for
from sla_monitor.domain.item import OUTAGE_MARK, Item, ItemFailure, load_item
from sla_monitor.store.items import STREAMS

# Of one council in one shard. With one more, its terms or this release are at fault rather than single items.
MOST_FAILED = 10
RETRIED = ReevaluationRequest("retried", position=0)

_log = structlog.get_logger()


class FailedItems:
    """The failed items and held councils of one shard, from its head on, while one batch is judged."""

    def __init__(self, head: Head) -> None:
        self._failed, self._held = set(head.failed), set(head.held)
        self._let_go: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the failed items, ascending."""
        return tuple(sorted(self._failed)) if self._failed else ()

    @property
    def held(self) -> tuple[str, ...]:
        """The councils of which no item is judged."""
        return tuple(sorted(self._held)) if self._held else ()

    def excludes(self, key: str, item: Item, *, retried: bool) -> bool:
        """Whether the item only gets its facts: it has failed and is not retried, or its council is held."""
        if item.failed is not None:
            return not retried
        if not self._held:
            return False
        council, _ = place_of(key)
        return council in self._held and council != self._let_go

    def add(self, key: str, item: Item, failure: CodeFailure, *, at: int, version: str, next_offset: int) -> None:
        """The item has failed at `at` (epoch seconds), or has failed again; one too many holds its council."""
        council, name = place_of(key)
        since = at if item.failed is None else item.failed.since_s
        item.failed = ItemFailure(failure.error, failure.place, since, version, next_offset)
        self._failed.add(key)
        _log.error("judging.item_failed", council=council, item=name, failure=str(failure), steps=failure.steps)
        if count_failed(self._failed, council) > MOST_FAILED:
            self._hold(council)

    def recovered(self, key: str, item: Item) -> None:
        """The item has been judged again."""
        item.failed = None
        self._failed.discard(key)

    def let_go(self, council: str) -> None:
        """The council's items are judged although it is held, until too many of them fail."""
        self._let_go = council

    def release(self, council: str) -> None:
        """The council is held no longer."""
        self._held.discard(council)
        _log.warning("judging.council_released", council=council)

    def _hold(self, council: str) -> None:
        self._let_go = None if self._let_go == council else self._let_go
        if council not in self._held:
            self._held.add(council)
            _log.error("judging.council_held", council=council, failed_items=MOST_FAILED + 1)


def log_failed_record(shard: Shard, record: Record, failure: CodeFailure) -> None:
    """A log line about a record that could not even be read; it is in quarantine."""
    _log.error("judging.record_failed", record=f"{shard}@{record.offset}", failure=str(failure), steps=failure.steps)


def place_of(key: str) -> tuple[CouncilId, ItemId]:
    """The council and the item, or outage, that live state keeps under `key`."""
    return split_item_key(key.removeprefix(OUTAGE_MARK))


def count_failed(keys: Iterable[str], council: str) -> int:
    """How many of the items under `keys` are the council's."""
    return sum(place_of(key)[0] == council for key in keys)


def failed_before(items: Mapping[str, bytes], version: str) -> dict[str, bytes]:
    """Those of the failed `items` that `version` has not tried to judge."""
    failures = {key: load_item(blob).failed for key, blob in items.items()}
    return {key: items[key] for key, failure in failures.items() if failure is None or failure.version != version}


def request_to_judge(
    requests: Sequence[ReevaluationRequest], shard: Shard, key: str, blob: bytes
) -> ReevaluationRequest | None:
    """The request to judge the item again that is stored under `key`, if any is about it."""
    item, stream, (council, name) = load_item(blob), STREAMS[shard.topic], split_item_key(key)
    found = attempt(request_for, requests, item, council=council, stream=stream, name=name)
    if item.failed is None and not isinstance(found, CodeFailure):
        return found
    return request_for_failed(requests, stream, key, item)


def request_for_failed(
    requests: Sequence[ReevaluationRequest], stream: Stream, key: str, item: Item
) -> ReevaluationRequest | None:
    """The request to judge a failed item again; where it cannot even be read, any that names its council."""
    council, name = place_of(key)
    asked = any(each.names(council, stream, name) for each in requests)
    found = attempt(request_for, requests, item, council=council, stream=stream, name=name)
    if found is None or isinstance(found, CodeFailure):
        return RETRIED if asked else None
    return found


def releasable(head: Head) -> list[str]:
    """The councils that are held although no more of their items have failed than may."""
    return [council for council in head.held if count_failed(head.failed, council) <= MOST_FAILED]
