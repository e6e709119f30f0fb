"""What waits for the catalogue: good records that count as soon as it knows what they refer to."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

WaitsFor = Literal["council", "agreement", "calendar"]


@dataclass(frozen=True, slots=True, order=True)
class Parked:
    """The records of one council that wait for one thing; `oldest` is the London day of the first of them."""

    council: str
    waits_for: WaitsFor
    records: int
    oldest: date
