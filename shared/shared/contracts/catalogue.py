"""Events of the catalogue: new versions of definitions. Compacted by kind, id and version, so every version stays."""

from typing import Annotated, Generic, TypeVar

from msgspec import Meta, Struct

from shared.contracts.definitions import (
    Agreement,
    Calendar,
    Council,
    Definition,
    Partnership,
    PriceIndex,
    Provider,
    Service,
    Tariff,
)
from shared.contracts.envelope import Event

D = TypeVar("D", bound=Definition)


class VersionData(Struct, Generic[D], frozen=True, kw_only=True):
    """A definition and which version of it this is, counted from 1 within its id; known since the event's `time`."""

    version: Annotated[int, Meta(ge=1)]
    definition: D


class ProviderVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.provider-versioned.v1"):
    """A provider was added or changed."""

    data: VersionData[Provider]


class CouncilVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.council-versioned.v1"):
    """A council was added or changed."""

    data: VersionData[Council]


class ServiceVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.service-versioned.v1"):
    """A service was added or changed."""

    data: VersionData[Service]


class CalendarVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.calendar-versioned.v1"):
    """A calendar was added or changed, or a bank holiday became known. Its bank holidays are dates in `closed`."""

    data: VersionData[Calendar]


class AgreementVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.agreement-versioned.v1"):
    """An agreement was added or changed."""

    data: VersionData[Agreement]


class IndexVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.index-versioned.v1"):
    """A price index was added, or a figure of it was published."""

    data: VersionData[PriceIndex]


class TariffVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.tariff-versioned.v1"):
    """A tariff was added or changed."""

    data: VersionData[Tariff]


class PartnershipVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.partnership-versioned.v1"):
    """A partnership was added or changed."""

    data: VersionData[Partnership]


CatalogueEvent = (
    ProviderVersioned
    | CouncilVersioned
    | ServiceVersioned
    | CalendarVersioned
    | AgreementVersioned
    | IndexVersioned
    | TariffVersioned
    | PartnershipVersioned
)
