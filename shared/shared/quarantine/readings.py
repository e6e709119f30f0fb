"""What a service has done with a record, as it is answered. Imports no server, for commands that ask one."""

from typing import Literal

from msgspec import Struct


class RecordReading(Struct, frozen=True):
    """What a service has done with a record.

    `waiting`: it has not read it yet. `read`: it is a fact, or a repetition of one. `quarantined`: for `reason`, with
    what was expected in `detail`; `decision` says what an operator did about it, null while nobody has.

    Where the question names the item: `parked`, read and waiting for what `detail` says; `failed`, read and in no
    figure, because Tallystick could not judge its item.
    """

    service: str
    state: Literal["waiting", "read", "quarantined", "parked", "failed"]
    reason: str | None = None
    detail: str | None = None
    decision: str | None = None
