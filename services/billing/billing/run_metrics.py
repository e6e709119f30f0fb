"""The metrics of the statement run: how far months are, what is late, differs or is queried, which mails wait."""

from collections.abc import Callable, Mapping

from billing.statements.run_figures import CouncilFigures, RunFigures
from shared.metrics.definition import Exporter, Figures, MetricDefinition

RUN_STATEMENTS = MetricDefinition(
    name="tallystick_run_statements",
    kind="gauge",
    unit="statements",
    labels=("month", "state"),
    meaning=(
        "Statements by state: draft, in-review, checked, approved or issued. Of the newest month that is over, and of "
        "those of the eleven before it that are not all issued."
    ),
    action="`tallystick close-month 2026-03` says what keeps each from being issued.",
    exporter=Exporter.EVERY_INSTANCE,
)
LATE_STATEMENTS = MetricDefinition(
    name="tallystick_late_statements",
    kind="gauge",
    unit="statements",
    labels=("council",),
    meaning="Statements that are not issued although the date has passed that the agreement or the provider gives.",
    action="Alert StatementsLate: close the month.",
    exporter=Exporter.EVERY_INSTANCE,
)
LATE_AGE = MetricDefinition(
    name="tallystick_late_statement_age_seconds",
    kind="gauge",
    unit="seconds",
    labels=("council",),
    meaning="How long ago the date passed of the council's statement that is late for the longest; 0 where none is.",
    action="As for tallystick_late_statements.",
    exporter=Exporter.EVERY_INSTANCE,
)
ISSUABLE_AGE = MetricDefinition(
    name="tallystick_issuable_statement_age_seconds",
    kind="gauge",
    unit="seconds",
    labels=("council",),
    meaning="How long a statement has been approved, and its review over, without having been issued; 0 where none is.",
    action="Alert CloseBlocked: something refuses to issue it, or nobody has tried.",
    exporter=Exporter.EVERY_INSTANCE,
)
DIFFERING_FIGURES = MetricDefinition(
    name="tallystick_reconciliation_differing_figures",
    kind="gauge",
    unit="figures",
    labels=("council",),
    meaning="Figures of statements not issued yet that the newest recomputation from the rows came to otherwise.",
    action="Alert ReconciliationDiffers: nothing of the council is issued until it is understood.",
    exporter=Exporter.EVERY_INSTANCE,
)
DIFFERENCE = MetricDefinition(
    name="tallystick_reconciliation_difference_pence",
    kind="gauge",
    unit="pence",
    labels=("council",),
    meaning="By how many pence these figures differ, in whichever direction; 0 where only quantities or counts do.",
    action="As for tallystick_reconciliation_differing_figures.",
    exporter=Exporter.EVERY_INSTANCE,
)
LEDGER_SUM = MetricDefinition(
    name="tallystick_ledger_sum_pence",
    kind="gauge",
    unit="pence",
    meaning="What all entries of the ledger come to. Always 0, or somebody has changed it by hand.",
    action="Alert LedgerUnbalanced: issue nothing, and keep the database as it is.",
    exporter=Exporter.EVERY_INSTANCE,
)
OPEN_QUERIES = MetricDefinition(
    name="tallystick_open_queries",
    kind="gauge",
    unit="queries",
    labels=("council",),
    meaning="Queries of the council's statements that the provider has not answered yet.",
    action="The page of queries lists them by the day on which an answer is due.",
    exporter=Exporter.EVERY_INSTANCE,
)
OVERDUE_QUERIES = MetricDefinition(
    name="tallystick_overdue_queries",
    kind="gauge",
    unit="queries",
    labels=("council",),
    meaning="Those of them of which the day to answer has passed, by the date in London.",
    action="Alert QueryOverdue: answer them.",
    exporter=Exporter.EVERY_INSTANCE,
)
HELD = MetricDefinition(
    name="tallystick_held_pence",
    kind="gauge",
    unit="pence",
    labels=("council",),
    meaning="What the council need not pay yet because of its queries, with VAT. For display only.",
    action="Answer the queries: what is upheld is due again, what is credited is in the next document.",
    exporter=Exporter.EVERY_INSTANCE,
)
MAILS = MetricDefinition(
    name="tallystick_mail_messages",
    kind="gauge",
    unit="messages",
    labels=("state",),
    meaning=(
        "Mails to councils: waiting to be tried, failing (refused, and tried again), failed (given up in the last "
        "seven days). All 0 where none are sent."
    ),
    action="Alert MailFailing: the log events mail.refused and mail.failed hold the reason.",
    exporter=Exporter.EVERY_INSTANCE,
)
# What of a council's figures each metric shows.
_OF_COUNCILS: Mapping[MetricDefinition, Callable[[CouncilFigures], float]] = {
    LATE_STATEMENTS: lambda of: of.late,
    LATE_AGE: lambda of: of.late_s,
    ISSUABLE_AGE: lambda of: of.issuable_s,
    DIFFERING_FIGURES: lambda of: of.differing,
    DIFFERENCE: lambda of: of.difference_pence,
    OPEN_QUERIES: lambda of: of.queries.open,
    OVERDUE_QUERIES: lambda of: of.queries.overdue,
    HELD: lambda of: of.queries.held_pence,
}
RUN_METRICS = (RUN_STATEMENTS, LEDGER_SUM, *_OF_COUNCILS, MAILS)


def samples_of(run: RunFigures, *, ledger_pence: int, mails: Mapping[str, int]) -> Figures:
    """The figures as they are exported: every council that is known has each of its series, at 0 from the beginning."""
    return {
        RUN_STATEMENTS: {(str(month), status): count for (month, status), count in run.statements.items()},
        LEDGER_SUM: {(): ledger_pence},
        MAILS: {(state,): count for state, count in mails.items()},
        **{
            metric: {(council,): value(of) for council, of in run.councils.items()}
            for metric, value in _OF_COUNCILS.items()
        },
    }
