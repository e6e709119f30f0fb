"""What fell due in the last working days, and whether it missed too fast."""

from datetime import UTC, datetime

from shared.contracts.definitions import Objective
from shared.contracts.objectives import Ratio
from sla_monitor.domain.agreements import AgreementIndex, MissingCalendar
from sla_monitor.domain.burn_rate import WORKING_WINDOWS, BurnRateAlert, WorkingWindow, burn_rate_alerts, window_start
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.ports import ReadModel

# Council, service and target.
TargetKey = tuple[str, str, str]


class BurnRateWindows:
    """What fell due in the working-day windows that end now; each window is counted once for all that share it."""

    def __init__(
        self, read_model: ReadModel, agreement_index: AgreementIndex, council: str | None, now: datetime
    ) -> None:
        self._read_model, self._book, self._council = read_model, agreement_index, council
        self.now = now
        self._now_s = int(now.timestamp())
        self._counted: dict[int, dict[TargetKey, Ratio]] = {}

    def burning(self, subject: TargetKey, objective: Objective) -> list[BurnRateAlert]:
        """The windows that fire; none where the target is no longer in force or its calendar is not known."""
        hours = self._hours(subject)
        if hours is None:
            return []
        return burn_rate_alerts(
            ((window, self._share(subject, window, hours)) for window in WORKING_WINDOWS), objective
        )

    def _hours(self, subject: TargetKey) -> WorkingTime | None:
        council, service, target = subject
        try:
            bound_targets = self._book.bound_targets(council, service, self._now_s)
        except MissingCalendar:
            return None
        return next((bound_target.hours for bound_target in bound_targets if bound_target.target.id == target), None)

    def _share(self, subject: TargetKey, window: WorkingWindow, hours: WorkingTime) -> Ratio:
        start = window_start(window, hours=hours, now=self._now_s)
        if start not in self._counted:
            since = datetime.fromtimestamp(start, UTC)
            counted = self._read_model.due_within(since, self.now, council=self._council)
            self._counted[start] = {(row.council, row.service, row.target): row.attained.by_count for row in counted}
        return self._counted[start].get(subject, Ratio(0, 0))
