"""What one snapshot holds of a council's month: what its statement follows from, beside the catalogue."""

from billing.domain.corrections import MonthInputs
from billing.domain.statement import services_with_details
from billing.domain.usage import metered_services
from billing.ports import Snapshot
from shared.period import Month


def inputs_of(snapshot: Snapshot, council: str, month: Month) -> MonthInputs:
    """The month's usage and results. Only what its charges read is read."""
    detailed = services_with_details(snapshot.terms, council, month)
    return MonthInputs(
        usage=snapshot.usage.of_month(month, council),
        attained=snapshot.verdicts.attainment(month, council),
        details=snapshot.usage.details(month, council, detailed) if detailed else {},
        events={
            service.id: snapshot.usage.metered(month, council, service)
            for service in metered_services(snapshot.terms, council, month)
        },
        failed=snapshot.usage.failed_items(month, council),
    )
