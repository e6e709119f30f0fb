"""Marks that move a partition's clock where no event does: replays and backfills run on event time."""

from shared.contracts.envelope import Event, EventData, Instant


class TimeAdvancedData(EventData, frozen=True, kw_only=True):
    """Nothing earlier than `to` will follow in this partition, except corrections."""

    to: Instant


class TimeAdvanced(Event, frozen=True, kw_only=True, tag="tallystick.time.advanced.v1"):
    """Time went on; one is put in every partition. `subject` is the partition's number."""

    data: TimeAdvancedData
