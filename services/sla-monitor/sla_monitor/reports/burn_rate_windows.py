"""What fell due in the last working days, and whether it missed too fast."""

from datetime import datetime

from shared.contracts.definitions import Objective
from shared.contracts.objectives import Ratio
from shared.instants import instant
from shared.scope import Scope
from sla_monitor.domain.agreements import MissingCalendar
from sla_monitor.domain.budget import WORKING_WINDOWS, BurnRateAlert, WorkingWindow, burn_rate_alerts, window_start
from sla_monitor.domain.working_time.compiled import WorkingTime
from sla_monitor.reports.sources import Sources

# Council, service and target.
TargetKey = tuple[str, str, str]


class BurnRateWindows:
    """What fell due in the working-day windows that end now; each window is counted once for all that share it."""

    def __init__(self, sources: Sources, scope: Scope, now: datetime) -> None:
        self._sources, self._scope, self.now = sources, scope, now
        self._now_s = int(now.timestamp())
        self._counted: dict[int, dict[TargetKey, Ratio]] = {}

    def alerts(self, key: TargetKey, objective: Objective) -> list[BurnRateAlert]:
        """The windows that fire; none where the target is no longer in force or its calendar is not known."""
        hours = self._hours(key)
        if hours is None:
            return []
        return burn_rate_alerts(((window, self._share(key, window, hours)) for window in WORKING_WINDOWS), objective)

    def _hours(self, key: TargetKey) -> WorkingTime | None:
        council, service, target = key
        try:
            bound = self._sources.catalogue.agreement_index.bound_targets(council, service, self._now_s)
        except MissingCalendar:
            return None
        return next((each.hours for each in bound if each.id == target), None)

    def _share(self, key: TargetKey, window: WorkingWindow, hours: WorkingTime) -> Ratio:
        start = window_start(window, hours=hours, now=self._now_s)
        if start not in self._counted:
            counts = self._sources.read_model.due_within(self._scope, instant(start), self.now)
            self._counted[start] = {(row.council, row.service, row.target): row.attained.by_count for row in counts}
        return self._counted[start].get(key, Ratio(0, 0))
