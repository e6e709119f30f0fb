"""The statement run: which statements are expected, by when, how far each is, and since when one could be issued."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from billing.domain.lifecycle import LifecycleStatus
from billing.domain.statement_run import (
    MONTHS_WATCHED,
    ExpectedStatement,
    StatementProgress,
    counts_by_status,
    expected_statements,
    progress_of,
    watched_months,
)
from billing.domain.terms import DefinitionVersions, Terms
from shared.contracts.definitions import Agreement, Council
from shared.contracts.statements import (
    ReturnedData,
    ReviewOpenedData,
    SeenData,
    StatementApproved,
    StatementChecked,
    StatementReturned,
    StatementReviewOpened,
    StepEvent,
)
from shared.contracts.versions import DefinitionVersion
from shared.period import Month
from tests.support.recharges import ASHBY, PROVIDER, agreement

MARCH = Month(2026, 3)
JUNE_9 = datetime(2026, 6, 9, 10, 0, tzinfo=UTC)
SHA = "a" * 64
EXPECTED = ExpectedStatement(ASHBY.id, MARCH, date(2026, 4, 15))


def terms(*agreements: Agreement, provider_days: int | None = None) -> Terms:
    provider = msgspec.structs.replace(PROVIDER, issue_days=provider_days)
    return Terms(
        councils=DefinitionVersions(
            [DefinitionVersion(1, ASHBY), DefinitionVersion(1, Council(id="zeal", name="Zeal"))]
        ),
        providers=DefinitionVersions([DefinitionVersion(1, provider)]),
        agreements=DefinitionVersions(DefinitionVersion(1, each) for each in agreements),
    )


def agreed(days: int | None, *, id_: str = "recharge", since: str = "2020-01-01") -> Agreement:
    return msgspec.structs.replace(agreement(since=since), id=id_, issue_days=days)


def step(kind: type[Any], data: Any, at: datetime) -> StepEvent:
    event: StepEvent = kind(
        id=f"{data.step}", source="/billing", time=at, subject=str(MARCH), council=ASHBY.id, data=data
    )
    return event


def at(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 4, day, hour, tzinfo=UTC)


def about(name: str) -> dict[str, str]:
    return {"month": str(MARCH), "step": name, "by": "ann"}


REVIEWED = step(StatementReviewOpened, ReviewOpenedData(**about("review"), sha256=SHA, until=date(2026, 4, 10)), at(2))
CHECKED = step(StatementChecked, SeenData(**about("check"), sha256=SHA), at(3))
APPROVED = step(StatementApproved, SeenData(**about("approve"), sha256=SHA), at(4))
RETURNED = step(StatementReturned, ReturnedData(**about("return"), words="again"), at(5))


@pytest.mark.parametrize(
    ("of_agreement", "of_provider", "issue_by"),
    [
        (15, None, date(2026, 4, 15)),
        (None, 20, date(2026, 4, 20)),
        (15, 20, date(2026, 4, 15)),
        (25, 20, date(2026, 4, 25)),
        (None, None, None),
    ],
)
def test_a_statement_is_due_by_its_agreement_or_else_by_its_provider(
    of_agreement: int | None, of_provider: int | None, issue_by: date | None
) -> None:
    (expected,) = expected_statements(terms(agreed(of_agreement), provider_days=of_provider), MARCH)

    assert (expected.council, expected.issue_by) == (ASHBY.id, issue_by)


def test_of_two_agreements_the_earlier_date_counts_and_a_month_without_one_expects_nothing() -> None:
    known = terms(agreed(20, id_="a", since="2026-03-31"), agreed(12, id_="b", since="2026-03-31"))

    assert [each.issue_by for each in expected_statements(known, MARCH)] == [date(2026, 4, 12)]
    assert expected_statements(known, MARCH.previous) == ()


@pytest.mark.parametrize(
    ("steps", "status", "issuable_since"),
    [
        ([], "draft", None),
        ([REVIEWED], "in-review", None),
        ([CHECKED], "checked", None),
        ([CHECKED, APPROVED], "approved", at(4)),
        ([REVIEWED, CHECKED, APPROVED], "approved", datetime(2026, 4, 10, 23, tzinfo=UTC)),
        ([CHECKED, APPROVED, RETURNED], "draft", None),
        ([CHECKED, APPROVED, CHECKED], "checked", None),
    ],
)
def test_a_statement_is_where_its_last_step_left_it(
    steps: Sequence[StepEvent], status: LifecycleStatus, issuable_since: datetime | None
) -> None:
    found = progress_of(EXPECTED, steps, is_issued=False)

    assert (found.status, found.issuable_since) == (status, issuable_since)


def test_what_is_issued_is_neither_late_nor_waits() -> None:
    found = progress_of(EXPECTED, [CHECKED, APPROVED], is_issued=True)

    assert (found.status, found.late_s(JUNE_9), found.waiting_s(JUNE_9)) == ("issued", 0, 0)


@pytest.mark.parametrize(
    ("now", "late_s"),
    [
        (datetime(2026, 4, 15, 22, 59, 59, tzinfo=UTC), 0),
        (datetime(2026, 4, 15, 23, 0, tzinfo=UTC), 0),
        (datetime(2026, 4, 15, 23, 0, 1, tzinfo=UTC), 1),
        (datetime(2026, 4, 17, 23, 0, tzinfo=UTC), 2 * 86_400),
    ],
)
def test_a_statement_is_late_from_the_end_of_its_last_day_in_london(now: datetime, late_s: float) -> None:
    assert StatementProgress(EXPECTED, "checked").late_s(now) == late_s


def test_without_a_date_nothing_is_late() -> None:
    assert StatementProgress(ExpectedStatement(ASHBY.id, MARCH, None), "draft").late_s(JUNE_9) == 0


def test_a_statement_waits_from_when_it_could_be_issued() -> None:
    waiting = StatementProgress(EXPECTED, "approved", at(4))

    assert waiting.waiting_s(at(4) + timedelta(hours=25)) == 25 * 3600
    assert waiting.waiting_s(at(4) - timedelta(hours=1)) == 0


def test_twelve_months_that_are_over_are_watched_by_the_calendar_of_london() -> None:
    months = watched_months(datetime(2026, 5, 31, 23, 30, tzinfo=UTC))

    assert (months[0], months[-1], len(months)) == (Month(2025, 6), Month(2026, 5), MONTHS_WATCHED)


def test_of_older_months_those_are_counted_of_which_something_is_not_issued() -> None:
    def progress(month: Month, status: LifecycleStatus) -> StatementProgress:
        return StatementProgress(ExpectedStatement(ASHBY.id, month, None), status)

    january, february = Month(2026, 1), Month(2026, 2)
    run = [progress(january, "issued"), progress(february, "issued"), progress(february, "draft")]

    counts = counts_by_status([*run, progress(MARCH, "issued"), progress(MARCH, "issued")])

    assert {month for month, _ in counts} == {february, MARCH}
    assert counts[february, "draft"] == counts[february, "issued"] == 1
    assert {status: count for (month, status), count in counts.items() if month == MARCH} == {
        "draft": 0,
        "in-review": 0,
        "checked": 0,
        "approved": 0,
        "issued": 2,
    }
