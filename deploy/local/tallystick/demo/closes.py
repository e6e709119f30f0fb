"""The illustrative year's statements: closed month by month by people of the provider, paid and queried by councils.

All of it is done by the code behind the pages and the API, as of the days on which it would have been done, and is on
the log as everybody's steps are. Done again it changes nothing.
"""

import asyncio
from collections.abc import Callable, Container, Iterator, Sequence
from datetime import date, datetime, timedelta

from billing.app import BillingApp, StatementActions
from billing.domain.charge_line import ChargeLine
from billing.domain.payment_rows import PaymentRow
from billing.domain.payments import WantedPayment
from billing.statements.closing import CouncilClose
from billing.statements.queries import WantedAnswer, WantedQuery
from shared.auth.principal import Principal
from shared.clock import FixedClock, WallClock
from shared.contracts.definitions import Agreement, AnyDefinition
from shared.contracts.topics import USAGE
from shared.contracts.usage import AdjustmentData, UsageAdjusted
from shared.period import LONDON, Month, local_midnight, month_of_day
from shared.scope import Scope
from tallystick.demo.events import SOURCE, DemoItem
from tallystick.demo.example import send
from tallystick.demo.readings import reading_of
from tallystick.stack import Stack

MONTHS_CLOSED = 12
# Of the month after: by then the monitor has judged what was due, and nothing that is sent in time is late.
_CLOSED_ON = 8
_AT_TEN, _PAID_AFTER, _WORKING_ON_IT = timedelta(hours=10), timedelta(days=21), timedelta(days=5)
_QUERIED_AGO, _JUDGED_AFTER = timedelta(days=2), timedelta(days=5, hours=12)
_CREDITED_PENCE = 2_500
_LOOK_EVERY_S, _JUDGED_WITHIN_S = 0.02, 5.0
_FINANCE = Principal.of("demo-finance", "person", ["finance"], Scope.all())
_APPROVER = Principal.of("demo-approver", "person", ["approver"], Scope.all())


def months_to_close(today: date) -> list[Month]:
    """The twelve months before this one, ascending; in its first days, before its close, those before the last."""
    last = month_of_day(today).earlier(1 if today.day > _CLOSED_ON else 2)
    return [last.earlier(back) for back in reversed(range(MONTHS_CLOSED))]


async def close_year(
    stack: Stack, definitions: Sequence[AnyDefinition], today: date, report: Callable[[int], None]
) -> None:
    """Each of the `months_to_close` is issued, and what became of it is recorded. `report` gets how many are.

    What a council is credited for is of an agreement among `definitions` that has credit notes, where there is one.
    """
    months = months_to_close(today)
    agreements = [each for each in definitions if isinstance(each, Agreement)]
    noted = frozenset(each.id for each in agreements if each.corrections_by == "credit-note")
    story = _Story(stack.billing, months, noted)
    for done, month in enumerate(months):
        await _judged(stack.billing, month)
        is_new = await story.close(month)
        if is_new and month == months[-5]:
            await asyncio.to_thread(story.credit, month)
        if is_new and month == months[-2]:
            await _correct(stack, story, month)
        if is_new and month == months[-1]:
            await asyncio.to_thread(story.query, month)
        report(done + 1)
    await _read(stack.billing)


class _Story:
    """What people do with the statements of `months`, ascending."""

    def __init__(self, billing: BillingApp, months: Sequence[Month], noted: Container[str]) -> None:
        self._billing, self._months, self._noted = billing, months, noted
        self.councils: Sequence[CouncilClose] = ()

    async def close(self, month: Month) -> bool:
        """What was issued the month before is paid, and the drafts of the month are checked, approved and issued.

        False where they were issued before, or cannot be yet.
        """
        people = self._at(_closed_at(month))
        if self.councils:
            await asyncio.to_thread(self._pay, people, month.previous)
        closing = people.closing
        shown = await closing.drafts(month, scope=Scope.all())
        seen = {each.council: each.sha256 for each in shown.open if not each.blockers}
        if seen:
            await closing.sign(_FINANCE, month, seen, approve=False)
            await closing.sign(_APPROVER, month, seen, approve=True)
            shown = await closing.issue(_FINANCE, month)
        self.councils = shown.councils
        return bool(seen and self._issued())

    def query(self, month: Month) -> None:
        """The first council queries the dearest line that counts usage; nobody has answered yet."""
        council = self._issued()[0]
        line = self.line(month, council.council)
        if line is not None:
            today = WallClock().now().astimezone(LONDON).date()
            at = max(local_midnight(today) - _QUERIED_AGO + _AT_TEN, _closed_at(month))
            words = f"Our own records have fewer for this line than the {line.quantity:f} that it counts."
            wanted = WantedQuery(f"{council.council}-{month}", words, line.ref)
            self._at(at).queries.raise_query(_finance_of(council.council), council.council, month, wanted)

    def line(self, month: Month, council: str, *, first_of: Container[str] = ()) -> ChargeLine | None:
        """The dearest line of the month that counts usage; of the agreements `first_of`, where they have any."""
        statement = self._billing.statements.statement(council, month, scope=Scope.of(council))
        counted = [line for line in statement.lines if line.counts_usage and line.amount_pence > _CREDITED_PENCE]
        return max(counted, key=lambda line: (line.agreement in first_of, line.amount_pence), default=None)

    def _at(self, at: datetime) -> StatementActions:
        return self._billing.actions(FixedClock(min(at, WallClock().now())))

    def _issued(self) -> Sequence[CouncilClose]:
        return [each for each in self.councils if each.number]

    def _pay(self, people: StatementActions, month: Month) -> None:
        """All that was due of the month is paid; of the last but one month, half of what the last council owes."""
        paid_on = (_closed_at(month) + _PAID_AFTER).astimezone(LONDON).date()
        rows = []
        for place, each in enumerate(self._issued(), start=1):
            payments = people.payments.of_statement(each.council, month, scope=Scope.all())
            due = payments.amounts_due.due_pence
            if month == self._months[-2] and place == len(self._issued()):
                due //= 2
            if due > 0 and not payments.payments:
                wanted = WantedPayment(f"bacs-{each.number}", due, paid_on, f"BACS {each.number}")
                rows.append(PaymentRow(place, each.number or "", wanted))
        people.payments.import_rows(_FINANCE, rows)

    def credit(self, month: Month) -> None:
        """The last council's query of the month was answered: a part is credited, in its next document."""
        council = self._issued()[-1].council
        line = self.line(month, council, first_of=self._noted)
        if line is None:
            return
        queried_at = _closed_at(month) + _WORKING_ON_IT
        query = f"{council}-{month}"
        wanted = WantedQuery(query, "Some of this was done for another body, and is not ours to pay.", line.ref)
        self._at(queried_at).queries.raise_query(_finance_of(council), council, month, wanted)
        answer = WantedAnswer("credited", "You are right: that part is credited.", _CREDITED_PENCE)
        self._at(queried_at + _WORKING_ON_IT).queries.answer(_FINANCE, council, month, query, answer)


async def _correct(stack: Stack, story: _Story, month: Month) -> None:
    """A reading of the issued month was wrong: what was counted too much is in the first council's next statement."""
    for council in story.councils[:1]:
        found = await asyncio.to_thread(lambda of: next(_readings(stack.billing, of, month), None), council.council)
        if found is not None:
            at = min(_closed_at(month) + _WORKING_ON_IT, WallClock().now())
            await send(stack.bus, [(USAGE.name, _adjusted(*found, at))], report=lambda _: None)
            await _read(stack.billing)


def _readings(billing: BillingApp, council: str, month: Month) -> Iterator[tuple[DemoItem, str, str, int]]:
    """The council's readings of the month as they were sent: item, service, id, and how much too much each was."""
    statement = billing.statements.statement(council, month, scope=Scope.of(council))
    for line in statement.lines:
        if not line.counts_usage:
            continue
        counted = billing.statements.explain(council, month, line.ref, after=None, limit=10, scope=Scope.of(council))
        for each in counted.counted:
            item, id_ = reading_of(council, line.service, each.day)
            if each.id == id_ and each.quantity >= _CREDITED_PENCE / 100:
                yield item, line.service, id_, int(each.quantity) // 25


def _adjusted(item: DemoItem, service: str, reading: str, too_much: int, at: datetime) -> UsageAdjusted:
    data = AdjustmentData(service=service, quantity=str(-too_much), adjusted_source=SOURCE, adjusted_id=reading)
    return item.event(UsageAdjusted, at, data)


async def _judged(billing: BillingApp, month: Month) -> None:
    """The monitor has judged what was due by the month's end, or has not within a moment: then it is not issued."""
    needed = local_midnight(month.next.first_day) + _JUDGED_AFTER
    for _ in range(round(_JUDGED_WITHIN_S / _LOOK_EVERY_S)):
        through = await asyncio.to_thread(billing.judged_through)
        if through is not None and through >= needed:
            return
        await asyncio.sleep(_LOOK_EVERY_S)


async def _read(billing: BillingApp) -> None:
    """Billing has read all that was sent by now."""
    while await billing.unread():  # noqa: ASYNC110 (the log says to nobody that it has been read)
        await asyncio.sleep(_LOOK_EVERY_S)


def _closed_at(month: Month) -> datetime:
    return local_midnight(month.next.first_day.replace(day=_CLOSED_ON)) + _AT_TEN


def _finance_of(council: str) -> Principal:
    return Principal.of(f"demo-finance-{council}", "person", ["council-finance"], Scope.of(council))
