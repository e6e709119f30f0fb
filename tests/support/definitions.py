"""Right definitions to start from: each test changes the one thing it is about."""

from datetime import date
from typing import Any

from shared.contracts.charges import GraduatedCharge, Tier, UnitCharge
from shared.contracts.definitions import (
    Agreement,
    AnyDefinition,
    Calendar,
    Council,
    Objective,
    Partnership,
    PriceIndex,
    Provider,
    Service,
    Target,
    Tariff,
)
from shared.contracts.indexes import IndexFigure

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")


def provider(**changes: Any) -> Provider:
    return Provider(**{"id": "joint", "name": "Joint officers"} | changes)


def council(id: str = "adur", **changes: Any) -> Council:
    return Council(**{"id": id, "name": id.title(), "gss": "E07000223", "nation": "england"} | changes)


def service(id: str = "payroll", **changes: Any) -> Service:
    defaults = {"name": id, "group": "HR", "unit": "payslip", "unit_name": "payslip", "counted_by": "work-completed"}
    return Service(**{"id": id} | defaults | changes)


def calendar(**changes: Any) -> Calendar:
    return Calendar(**{"id": "office", "name": "Office", "weekly": dict.fromkeys(WEEKDAYS, ("09:00-17:00",))} | changes)


def target(**changes: Any) -> Target:
    defaults = {"measure": "processing-time", "within": "5 working days", "calendar": "office"}
    return Target(**{"id": "t", "service": "payroll"} | defaults | changes)


def objective(**changes: Any) -> Objective:
    return Objective(**{"percent": "95"} | changes)


def tariff(id: str = "payroll", **changes: Any) -> Tariff:
    charges = (UnitCharge(name="Payslip", price_gbp="4.42"),)
    return Tariff(**{"id": id, "service": "payroll", "name": "Payroll", "charges": charges} | changes)


def tiered(*bounds: int | None) -> Tariff:
    tiers = tuple(Tier(price_gbp="1.00", up_to=bound) for bound in bounds)
    return tariff(charges=(GraduatedCharge(name="Payslips", tiers=tiers),))


def index(*figures: tuple[str, str], id: str = "prices") -> PriceIndex:
    """An index with figures: its months and their values."""
    published = [
        IndexFigure(period=period, value=value, published=date(2025, 10, 22), source="Table 1")
        for period, value in figures
    ]
    return PriceIndex(id=id, name="Prices", figures=tuple(published))


def agreement(id: str = "a1", **changes: Any) -> Agreement:
    defaults: dict[str, Any] = {
        "id": id,
        "effective_from": date(2025, 4, 1),
        "council": "adur",
        "provider": "joint",
        "title": "Payroll",
        "targets": (target(),),
    }
    return Agreement(**defaults | changes)


def partnership(**changes: Any) -> Partnership:
    return Partnership(**{"id": "p1", "name": "P", "provider": "joint", "councils": ("adur",)} | changes)


def whole() -> list[AnyDefinition]:
    """A set in which every reference is known."""
    agreed = agreement(tariffs=("payroll",))
    return [provider(), council(), service(), calendar(), index(("2025-09", "100")), tariff(), agreed, partnership()]
