"""The partnership that the traffic is about, as a partnership file. Councils and figures are illustrative."""

from tests.chaos.oracle.pence import LICENCE, STANDING, TICKET, TIERS
from tests.chaos.oracle.tickets import WITH_EVENINGS

COUNCILS = tuple(f"council-{number:02}" for number in range(1, 21))

_HEAD = """\
about: {title: Twenty councils, illustrative: Every council and every figure is illustrative.}
provider: {id: shared-team, name: Shared team (illustrative)}
services:
  - {id: ict, name: ICT, group: ICT, counted_by: tickets-resolved, unit: ticket, unit_name: ticket}
  - {id: payroll, name: Payroll, group: Human resources, counted_by: readings, unit: payslip, unit_name: payslip}
  - {id: licences, name: Licences, group: ICT, counted_by: readings, unit: licence-day, unit_name: licence day}
  - {id: evening, name: ICT in the evening, group: ICT, counted_by: tickets-resolved, unit: ticket, unit_name: ticket}
  - {id: desk, name: Desk, group: ICT, counted_by: tickets-resolved, unit: call, unit_name: call}
calendars:
  - id: office
    name: Office hours without bank holidays
    weekly:
      {mon: ["09:00-17:00"], tue: ["09:00-17:00"], wed: ["09:00-17:00"], thu: ["09:00-17:00"], fri: ["09:00-17:00"]}
target_sets:
  ict:
    - {id: response, service: ict, measure: response-time, within: 4 working hours, calendar: office}
    - {id: resolution, service: ict, measure: resolution-time, within: 16 working hours, calendar: office}
    - {id: processing, service: ict, measure: processing-time, within: 20 working hours, calendar: office}
    - {id: desk, service: desk, measure: resolution-time, within: 30 minutes}
  evenings:
    - {id: response, service: evening, measure: response-time, within: 8 working hours, calendar: office}
    - {id: resolution, service: evening, measure: resolution-time, within: 24 working hours, calendar: office}
"""


def text() -> str:
    """The file: an agreement for each council, with the same targets and prices for all, and for some another one."""
    return _HEAD + _partnership() + _tariffs() + _agreements()


def _partnership() -> str:
    councils = "\n".join(
        f"  - {{id: {council}, name: Illustrative {council}, gss: E990000{number:02}, nation: england}}"
        for number, council in enumerate(COUNCILS, start=1)
    )
    everyone = ", ".join(COUNCILS)
    return (
        f"councils:\n{councils}\n"
        f"partnership: {{id: twenty, name: Twenty councils, provider: shared-team, councils: [{everyone}]}}\n"
    )


def _tariffs() -> str:
    tiers = ", ".join(_tier(up_to=up_to, price=price) for up_to, price in TIERS)
    charges = {
        "payroll": (
            f'{{kind: standing, name: System, monthly_gbp: "{STANDING}"}}, '
            f"{{kind: graduated, name: Payslips, tiers: [{tiers}]}}"
        ),
        "licences": f'{{kind: unit, name: Licences, price_gbp: "{LICENCE}"}}',
        "ict": f'{{kind: unit, name: Tickets, price_gbp: "{TICKET}"}}',
    }
    return "tariffs:\n" + "".join(
        f"  - {{id: {service}, service: {service}, name: {service}, illustrative: true, charges: [{of_service}]}}\n"
        for service, of_service in charges.items()
    )


def _tier(*, up_to: object, price: object) -> str:
    bound = "" if up_to is None else f"up_to: {up_to}, "
    return f'{{{bound}price_gbp: "{price}"}}'


def _agreements() -> str:
    return f"""\
agreements:
  - id: shared
    councils: [{", ".join(COUNCILS)}]
    provider: shared-team
    title: Shared services
    effective_from: 2024-04-01
    targets: [ict]
    tariffs: [payroll, licences, ict]
  - id: evenings
    councils: [{", ".join(sorted(WITH_EVENINGS))}]
    provider: shared-team
    title: Evenings
    effective_from: 2024-04-01
    targets: [evenings]
"""
