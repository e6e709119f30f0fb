"""Facts of the catalogue: a definition got a new version. Compacted by kind, id and version, so every version stays."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.definitions import Agreement, Calendar, Council, Partnership, Provider, Service, Tariff
from shared.contracts.envelope import Event


class Versioned(Struct, frozen=True, kw_only=True):
    """Which version this is. Versions of an id count from 1; known since the event's `time`."""

    version: Annotated[int, Meta(ge=1)]


class ProviderData(Versioned, frozen=True, kw_only=True):
    """A provider's version."""

    definition: Provider


class CouncilData(Versioned, frozen=True, kw_only=True):
    """A council's version."""

    definition: Council


class ServiceData(Versioned, frozen=True, kw_only=True):
    """A service's version."""

    definition: Service


class CalendarData(Versioned, frozen=True, kw_only=True):
    """A calendar's version, its bank holidays resolved to dates."""

    definition: Calendar


class AgreementData(Versioned, frozen=True, kw_only=True):
    """An agreement's version."""

    definition: Agreement


class TariffData(Versioned, frozen=True, kw_only=True):
    """A tariff's version."""

    definition: Tariff


class PartnershipData(Versioned, frozen=True, kw_only=True):
    """A partnership's version."""

    definition: Partnership


class ProviderVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.provider-versioned.v1"):
    """A provider was added or changed."""

    data: ProviderData


class CouncilVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.council-versioned.v1"):
    """A council was added or changed."""

    data: CouncilData


class ServiceVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.service-versioned.v1"):
    """A service was added or changed."""

    data: ServiceData


class CalendarVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.calendar-versioned.v1"):
    """A calendar was added or changed, or a bank holiday became known."""

    data: CalendarData


class AgreementVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.agreement-versioned.v1"):
    """An agreement was added or changed."""

    data: AgreementData


class TariffVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.tariff-versioned.v1"):
    """A tariff was added or changed."""

    data: TariffData


class PartnershipVersioned(Event, frozen=True, kw_only=True, tag="tallystick.catalogue.partnership-versioned.v1"):
    """A partnership was added or changed."""

    data: PartnershipData


CatalogueEvent = (
    ProviderVersioned
    | CouncilVersioned
    | ServiceVersioned
    | CalendarVersioned
    | AgreementVersioned
    | TariffVersioned
    | PartnershipVersioned
)
