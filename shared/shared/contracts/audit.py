"""Events of the audit log: each entry of each service, for ever, so that a restored database reads it back."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.envelope import Event
from shared.contracts.scalars import END_OF_TEXT

Digest = Annotated[str, Meta(pattern=rf"^[0-9a-f]{{64}}{END_OF_TEXT}", description="SHA-256, hexadecimal")]


class AuditRecordedData(Struct, frozen=True, kw_only=True):
    """An entry in its place: `number` from 1 on in each `service`, `digest` over all of it and over `previous`."""

    service: Annotated[str, Meta(min_length=1, max_length=64)]
    number: Annotated[int, Meta(ge=1)]
    at_us: int
    actor: Annotated[str, Meta(max_length=200)]
    action: Annotated[str, Meta(max_length=64)]
    about: Annotated[str, Meta(max_length=300)]
    council: Annotated[str, Meta(max_length=64)] | None
    details: Mapping[str, str]
    previous: Digest
    digest: Digest


class AuditRecorded(Event, frozen=True, kw_only=True, tag="tallystick.audit.recorded.v1"):
    """Somebody did, saw or was refused something."""

    data: AuditRecordedData
