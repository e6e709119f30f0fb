"""The envelope that every event of the illustrative year wears."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from shared.ids import derived_id

SOURCE = "/demo/illustrative-year"


class Envelope(TypedDict):
    """The attributes of an event that are not its payload."""

    id: str
    source: str
    time: datetime
    subject: str
    council: str


@dataclass(frozen=True, slots=True)
class DemoItem:
    """What a chain of events is about; `subject` is an opaque id."""

    council: str
    subject: str

    def envelope(self, fact: str, at: datetime) -> Envelope:
        """The envelope of `fact`; one item has each fact at most once at an instant."""
        return {
            "id": derived_id("illustrative", self.council, self.subject, fact, at.isoformat()),
            "source": SOURCE,
            "time": at,
            "subject": self.subject,
            "council": self.council,
        }
