"""The statement run, as a row of the dashboard Billing run: what to act on, how far months are, what is queried."""

from tallystick.dashboards.dashboard import Row
from tallystick.dashboards.panels import COUNT, POUNDS, SECONDS, Link, Query, lines, number
from tallystick.dashboards.queries import COUNCIL, figure, named, runbook
from tallystick.dashboards.tables import Column, table

_DAY_S = 86_400
_PENCE_A_POUND = 100
_LATE = figure("tallystick_late_statements", "council", COUNCIL)
_LATE_AGE = figure("tallystick_late_statement_age_seconds", "council", COUNCIL)
_ISSUABLE_AGE = figure("tallystick_issuable_statement_age_seconds", "council", COUNCIL)
_DIFFERING = figure("tallystick_reconciliation_differing_figures", "council", COUNCIL)
_DIFFERENCE = f"{figure('tallystick_reconciliation_difference_pence', 'council', COUNCIL)} / {_PENCE_A_POUND}"
_OPEN = figure("tallystick_open_queries", "council", COUNCIL)
_OVERDUE = figure("tallystick_overdue_queries", "council", COUNCIL)
_HELD = f"{figure('tallystick_held_pence', 'council', COUNCIL)} / {_PENCE_A_POUND}"
_NOT_ISSUED = 'state!="issued"'
_REFUSED = 'state=~"failing|failed"'
_QUERIES = Link("Queries", "${pages:raw}/queries")


def _in_state(state: str) -> str:
    return figure("tallystick_run_statements", "month", f'state="{state}"')


RUN = Row(
    "The statement run",
    [
        number(
            "Late statements",
            "Statements that are not issued although the date has passed that the agreement, or its provider, gives. "
            "None is late where neither gives a date.",
            f"sum({_LATE})",
            act_from=1,
            links=[runbook("StatementsLate")],
        ),
        number(
            "Approved and not issued for",
            "How long the longest of the approved statements whose review is over has not been issued.",
            f"max({_ISSUABLE_AGE})",
            unit=SECONDS,
            act_from=_DAY_S,
            links=[runbook("CloseBlocked")],
        ),
        number(
            "Figures that differ",
            "Figures of statements not issued yet that the newest recomputation from the rows came to otherwise.",
            f"sum({_DIFFERING})",
            act_from=1,
            links=[runbook("ReconciliationDiffers")],
        ),
        number(
            "Sum of the ledger",
            "Pence, above or below 0, that all entries of the ledger come to. Always none.",
            f"abs({figure('tallystick_ledger_sum_pence', 'job', '')})",
            act_from=1,
            links=[runbook("LedgerUnbalanced")],
        ),
        number(
            "Overdue queries",
            "Queries of statements that were to be answered before today, by the date in London.",
            f"sum({_OVERDUE})",
            act_from=1,
            links=[runbook("QueryOverdue"), _QUERIES],
        ),
        number(
            "Mails not delivered",
            "Mails to councils that were refused and are tried again, or were given up in the last seven days.",
            f"sum({figure('tallystick_mail_messages', 'state', _REFUSED)})",
            act_from=1,
            links=[runbook("MailFailing")],
        ),
        table(
            "Statements by month",
            "Statements of each month by state: of the newest month that is over, and of those of the eleven before it "
            "that are not all issued.",
            Column("Draft", _in_state("draft"), COUNT),
            Column("In review", _in_state("in-review"), COUNT),
            Column("Checked", _in_state("checked"), COUNT),
            Column("Approved", _in_state("approved"), COUNT),
            Column("Issued", _in_state("issued"), COUNT),
            labels=["month"],
            sort="month",
            descending=True,
            width=12,
        ),
        table(
            "Statements and queries by council",
            "What each council waits for: statements that are late and for how long, by how much a recomputation "
            "differs, and its queries with what they hold.",
            Column("Late", named(_LATE), COUNT),
            Column("Late for", named(_LATE_AGE), SECONDS),
            Column("Difference", named(_DIFFERENCE), POUNDS, 2),
            Column("Queries open", named(_OPEN), COUNT),
            Column("Overdue", named(_OVERDUE), COUNT),
            Column("Held", named(_HELD), POUNDS, 2),
            labels=["name", "council"],
            hidden=["council"],
            sort="name",
            links=[_QUERIES],
            width=12,
        ),
        lines(
            "Statements not issued",
            "Statements that are not issued yet, by month.",
            Query(
                f"sum by (month) ({figure('tallystick_run_statements', 'month, state', _NOT_ISSUED)})",
                "{{month}}",
            ),
            bars=True,
        ),
        lines(
            "Held by queries over time",
            "Pounds with VAT that queries hold, by council.",
            Query(_HELD, "{{council}}"),
            unit=POUNDS,
        ),
    ],
)
