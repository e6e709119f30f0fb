"""What makes the alerts of deploy/prometheus/rules/statements.yml fire, and what does not. A scrape is 15 seconds."""

from tests.support.alert_cases_of_councils import series
from tests.support.alerts import AlertCase, Firing

BILLING = {"job": "billing"}
COUNCIL = {"council": "adur"}
ADUR = BILLING | COUNCIL
LATE = series("late_statement_age_seconds", ADUR)
ISSUABLE = series("issuable_statement_age_seconds", ADUR)
DIFFERING = series("reconciliation_differing_figures", ADUR)
LEDGER = series("ledger_sum_pence", BILLING)
FAILING = series("mail_messages", BILLING, state="failing")
OVERDUE = series("overdue_queries", ADUR)
NOT_ISSUED = (
    "For 1d 0h 1m 0s it has been approved and its review over. Something refuses to issue it, or nobody has tried."
)


def second(name: str) -> str:
    """The same series of another instance of billing."""
    return name.replace('instance="a"', 'instance="b"')


def of_adur(summary: str, description: str) -> list[Firing]:
    """One alert of the council fires."""
    return [Firing(COUNCIL, summary, description)]


CASES = (
    AlertCase(
        name="its day passed an hour ago, and two instances say so",
        alert="StatementsLate",
        series={LATE: "0x4 3600x40", second(LATE): "_x4 3600x40"},
        at="5m",
        fires=of_adur("A statement of adur is late", "The date by which it was to be issued passed 1h 0m 0s ago."),
    ),
    AlertCase(name="all are issued or not due", alert="StatementsLate", series={LATE: "0x40"}, at="5m"),
    AlertCase(name="it is issued within two minutes", alert="StatementsLate", series={LATE: "15x4 0x40"}, at="5m"),
    AlertCase(
        name="for over a day",
        alert="CloseBlocked",
        series={ISSUABLE: "_x4 86460x40"},
        at="5m",
        fires=of_adur("An approved statement of adur is not issued", NOT_ISSUED),
    ),
    AlertCase(name="since this morning", alert="CloseBlocked", series={ISSUABLE: "14400x40"}, at="5m"),
    AlertCase(
        name="on the instance where somebody looked",
        alert="ReconciliationDiffers",
        series={DIFFERING: "0x40", second(DIFFERING): "_x4 2x40"},
        at="5m",
        fires=of_adur(
            "A statement of adur is not what its rows come to",
            "2 figures of what is not issued yet came out otherwise when they were recomputed. "
            "Nothing of it is issued.",
        ),
    ),
    AlertCase(name="the newest finds none", alert="ReconciliationDiffers", series={DIFFERING: "2x4 0x40"}, at="5m"),
    AlertCase(
        name="a penny too little",
        alert="LedgerUnbalanced",
        series={LEDGER: "_x4 -1x40", second(LEDGER): "0x4 -1x40"},
        at="5m",
        fires=[
            Firing(
                BILLING,
                "The ledger does not sum to 0",
                "Its entries come to 1 pence, above or below 0. Issue no statements.",
            )
        ],
    ),
    AlertCase(name="it sums to 0", alert="LedgerUnbalanced", series={LEDGER: "0x40"}, at="5m"),
    AlertCase(
        name="two, since midnight",
        alert="QueryOverdue",
        series={OVERDUE: "_x4 2x40", second(OVERDUE): "0x4 2x40"},
        at="5m",
        fires=of_adur(
            "adur waits for the answer to a query",
            "2 of its queries were to be answered before today. What they hold is not paid meanwhile.",
        ),
    ),
    AlertCase(name="answered", alert="QueryOverdue", series={OVERDUE: "2x4 0x40"}, at="5m"),
    AlertCase(
        name="refused since the first try, and two instances say so",
        alert="MailFailing",
        series={FAILING: "_x4 1x100", second(FAILING): "0x4 1x100"},
        at="20m",
        fires=[
            Firing(
                BILLING | {"state": "failing"},
                "Mails to councils are not delivered",
                "1 were refused: failing ones are tried again, failed ones were given up. These are failing.",
            )
        ],
    ),
    AlertCase(name="the next try succeeds", alert="MailFailing", series={FAILING: "1x20 0x100"}, at="20m"),
    AlertCase(
        name="many wait, and none was refused",
        alert="MailFailing",
        series={FAILING: "0x100", FAILING.replace("failing", "waiting"): "40x100"},
        at="20m",
    ),
)
