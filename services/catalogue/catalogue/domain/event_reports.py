"""What is answered about events that come in over HTTP: of those of a request, and of one that was received.

In a module of its own, so that commands which ask servers import no server.
"""

from datetime import datetime

from msgspec import Struct


class EventReceipt(Struct, frozen=True):
    """One event of a request: `received`, or `duplicate` where it was before; `href` says what has become of it."""

    source: str
    id: str
    result: str
    href: str


class EventReceipts(Struct, frozen=True):
    """The events of a request, in their order. After a dry run nothing is stored."""

    dry_run: bool
    events: tuple[EventReceipt, ...]


class PublishedEvent(Struct, frozen=True):
    """Where an event is in the log. `partition` and `offset` are null where the log took it without saying so."""

    at: datetime
    topic: str
    partition: int | None
    offset: int | None


class ReceivedEventReport(Struct, frozen=True):
    """What has become of an event. `published` is null while it waits for the log; `links` lead to what followed.

    Its `number` ascends in the order of receiving.
    """

    number: int
    source: str
    id: str
    type: str
    council: str
    subject: str
    received_at: datetime
    published: PublishedEvent | None
    links: dict[str, str]
