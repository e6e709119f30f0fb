"""Who is served what in a month: the councils and services of the agreements in force, and each council's share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.contracts.definitions import EVERY_SERVICE, Agreement, AnyDefinition, Council, Service, Tariff
from shared.period import Month
from tallystick.demo.volumes import weight_of


@dataclass(frozen=True, slots=True)
class ServiceMonth:
    """One service to one council in one month. `share` is the council's part of what all its councils ask for."""

    month: Month
    council: str
    service: Service
    weight: int
    share: float
    promises_availability: bool


def service_months(definitions: Sequence[AnyDefinition], month: Month) -> list[ServiceMonth]:
    """Each council and service once, by id; an agreement counts for the months on whose first day it is in force."""
    councils = {each.id: each for each in definitions if isinstance(each, Council)}
    services = {each.id: each for each in definitions if isinstance(each, Service)}
    priced = {each.id: each.service for each in definitions if isinstance(each, Tariff)}
    agreements = [each for each in definitions if isinstance(each, Agreement) and _in_force(each, month)]

    covered = {(each.council, service) for each in agreements for service in _services_of(each, priced)}
    available = {pair for each in agreements for pair in _promised_available(each)}
    weights = {council: weight_of(councils[council]) for council, _ in covered}
    together = {service: sum(weights[each] for each, other in covered if other == service) for _, service in covered}
    return [
        ServiceMonth(
            month=month,
            council=council,
            service=services[service],
            weight=weights[council],
            share=weights[council] / together[service],
            promises_availability=(council, service) in available,
        )
        for council, service in sorted(covered)
    ]


def _in_force(agreement: Agreement, month: Month) -> bool:
    begun = agreement.effective_from <= month.first_day
    return begun and (agreement.effective_to is None or month.first_day < agreement.effective_to)


def _services_of(agreement: Agreement, priced: Mapping[str, str]) -> set[str]:
    """The services that it names in a target or a tariff; a target for every service names none."""
    targeted = {target.service for target in agreement.targets if target.service != EVERY_SERVICE}
    return targeted | {priced[tariff] for tariff in agreement.tariffs}


def _promised_available(agreement: Agreement) -> set[tuple[str, str]]:
    return {(agreement.council, target.service) for target in agreement.targets if target.measure == "availability"}
