"""What fell due in the last working days, and whether it missed too fast."""

from datetime import UTC, datetime

from shared.contracts.definitions import Objective
from sla_monitor.domain.attainment import Share
from sla_monitor.domain.burning import WORKING_WINDOWS, Burning, WorkingWindow, burning, window_start
from sla_monitor.domain.terms import Book, MissingCalendar
from sla_monitor.domain.working_time import WorkingTime
from sla_monitor.ports import ReadModel

# Council, service and target.
Subject = tuple[str, str, str]


class Windows:
    """What fell due in the working-day windows that end now; each window is counted once for all that share it."""

    def __init__(self, read_model: ReadModel, book: Book, council: str | None, now: datetime) -> None:
        self._read_model, self._book, self._council = read_model, book, council
        self.now = now
        self._now_s = int(now.timestamp())
        self._counted: dict[int, dict[Subject, Share]] = {}

    def burning(self, subject: Subject, objective: Objective) -> list[Burning]:
        """The windows that fire; none where the target is no longer in force or its calendar is not known."""
        hours = self._hours(subject)
        if hours is None:
            return []
        return burning(((window, self._share(subject, window, hours)) for window in WORKING_WINDOWS), objective)

    def _hours(self, subject: Subject) -> WorkingTime | None:
        council, service, target = subject
        try:
            terms = self._book.terms(council, service, self._now_s)
        except MissingCalendar:
            return None
        return next((term.hours for term in terms if term.target.id == target), None)

    def _share(self, subject: Subject, window: WorkingWindow, hours: WorkingTime) -> Share:
        start = window_start(window, hours=hours, now=self._now_s)
        if start not in self._counted:
            since = datetime.fromtimestamp(start, UTC)
            counted = self._read_model.due_within(since, self.now, council=self._council)
            self._counted[start] = {(row.council, row.service, row.target): row.attained.by_count for row in counted}
        return self._counted[start].get(subject, Share(0, 0))
