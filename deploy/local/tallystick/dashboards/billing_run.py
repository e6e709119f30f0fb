"""Billing run: how far statements are, what each council is charged so far, and what stands against issuing them."""

from tallystick.dashboards.dashboard import Dashboard, Row
from tallystick.dashboards.panels import COUNT, POUNDS, SECONDS, SHARE, STATE, Link, Query, lines, number
from tallystick.dashboards.queries import (
    BILLED_SERVICES,
    BREACHES_OF_COUNCILS,
    CORRECTIONS,
    COUNCIL,
    COUNCIL_DASHBOARD,
    COUNCILS,
    NEW_VERSIONS,
    SERVICE,
    added,
    figure,
    named,
    owned,
    runbook,
)
from tallystick.dashboards.statement_run import RUN
from tallystick.dashboards.tables import Column, table

_BILLING = 'group="billing"'
_CHARGES = figure("tallystick_charges_gbp", "council", COUNCIL)
_CREDITS = figure("tallystick_credits_gbp", "council", COUNCIL)
_UNMATCHED = figure("tallystick_unmatched_usage_events", "council, service", SERVICE)
_STATEMENT = Link(
    "The statement of this month", "${pages:raw}/v1/statements/${__data.fields.council}/${__to:date:YYYY-MM}"
)
_CORRECTED_IN_A_WEEK = added("tallystick_verdict_corrections_total", "council", COUNCIL, "7d")

_AGAINST = Row(
    "What stands against issuing statements",
    [
        number(
            "Records unaccounted for",
            "Records without a result or with two, of any consumer. Always none, or figures are wrong: issue no "
            "statements.",
            "sum(abs(tallystick_consumer_unaccounted_records))",
            act_from=1,
            links=[runbook("RecordsUnaccounted")],
        ),
        number(
            "Records not billed yet",
            "Records that billing has not applied. Issue nothing while there are any of the month.",
            f"sum({owned('tallystick_consumer_lag_records', 'group', _BILLING)})",
            act_from=1,
            links=[runbook("FallingBehind")],
        ),
        number(
            "Parked records",
            "Valid records that wait for a definition, of any consumer. They are on no statement.",
            f"sum({owned('tallystick_consumer_parked_records', 'group')})",
            act_from=1,
            links=[runbook("RecordsParked")],
        ),
        number(
            "Quarantined, undecided",
            "Quarantined records about which nobody has decided yet, of any consumer. They are on no statement.",
            "sum(max by (group, topic) (tallystick_quarantine_open_records))",
            act_from=1,
            links=[runbook("RecordsQuarantined")],
        ),
        number(
            "Failed items",
            "Items that could not be judged: they are in no verdict, and so in no service credit.",
            f"sum({owned('tallystick_failed_items', 'council', COUNCIL)})",
            act_from=1,
            links=[runbook("ItemsFailed")],
        ),
        number(
            "Usage that nobody counts",
            "Usage events of the running month in a unit that their service does not count. Nobody is charged for "
            "them.",
            f"sum({_UNMATCHED})",
            act_from=1,
            links=[runbook("UsageNotCounted")],
        ).when_empty("until billing knows the services of an agreement"),
    ],
)

_MONTH = Row(
    "The running month so far",
    [
        number(
            "Charges",
            "Charges of all chosen councils before VAT and before service credits.",
            f"sum({_CHARGES})",
            unit=POUNDS,
            decimals=2,
            width=8,
        ),
        number(
            "Service credits",
            "Service credits of all chosen councils before VAT, for targets missed.",
            f"sum({_CREDITS})",
            unit=POUNDS,
            decimals=2,
            width=8,
        ),
        number(
            "Charges less credits",
            "What the statements of all chosen councils come to so far, before VAT.",
            f"sum({_CHARGES}) - sum({_CREDITS})",
            unit=POUNDS,
            decimals=2,
            width=8,
        ),
        table(
            "By council",
            "Pounds before VAT of the running month so far, and what might still change them: usage that nobody "
            "counts, and verdicts corrected in the last seven days. For display: what is payable is on the "
            "statement.",
            Column("Charges", named(_CHARGES), POUNDS, 2),
            Column("Service credits", named(_CREDITS), POUNDS, 2),
            Column("Charges less credits", named(f"{_CHARGES} - {_CREDITS}"), POUNDS, 2),
            Column("Credits of charges", named(f"{_CREDITS} / ({_CHARGES} > 0)"), SHARE, 1),
            Column("Usage not counted", named(f"sum by (council) ({_UNMATCHED})"), COUNT),
            Column("Verdicts corrected", named(f"round({_CORRECTED_IN_A_WEEK})"), COUNT),
            labels=["name", "council"],
            hidden=["council"],
            sort="name",
            links=[_STATEMENT, COUNCIL_DASHBOARD],
        ),
        lines(
            "Charges by council",
            "Pounds before VAT of the running month so far, by council. It begins at the standing charges with each "
            "month; a step that nobody expects is worth a look at the statement in progress.",
            Query(_CHARGES, "{{council}}"),
            unit=POUNDS,
        ),
        lines(
            "Service credits by council",
            "Pounds before VAT of the running month so far, by council. They follow from missed targets.",
            Query(_CREDITS, "{{council}}"),
            unit=POUNDS,
        ),
    ],
)

_CHANGES = Row(
    "What changes the figures",
    [
        lines(
            "Corrected verdicts",
            "Verdicts corrected or retracted after they were published, by council and cause. They change service "
            "credits.",
            Query(added("tallystick_verdict_corrections_total", "council, cause", COUNCIL), "{{council}} {{cause}}"),
            bars=True,
        ),
        lines(
            "Usage that nobody counts over time",
            "Usage events of the running month in a unit that their service does not count, by council and service.",
            Query(f"{_UNMATCHED} > 0", "{{council}} {{service}}"),
            links=[runbook("UsageNotCounted")],
        ).when_empty("while every usage event is in its service's unit"),
        lines(
            "How far billing is behind",
            "How long the oldest record has waited that billing has not applied, by topic.",
            Query(f"max by (topic) (tallystick_consumer_lag_seconds{{{_BILLING}}})", "{{topic}}"),
            unit=SECONDS,
            links=[runbook("FallingBehind")],
        ),
        table(
            "Versions that billing knows",
            "Versions of definitions that billing has read from the catalogue's log, beside those that were "
            "announced. Fewer known than announced: billing is behind.",
            Column("Known", 'max by (kind) (tallystick_catalogue_versions{job="billing"})', STATE),
            Column("Announced", "max by (kind) (tallystick_announced_versions_total)", STATE),
            labels=["kind"],
            sort="kind",
            width=12,
        ),
    ],
)

BILLING_RUN = Dashboard(
    uid="tallystick-billing-run",
    title="Billing run",
    description=(
        "How far each month's statements are, what each council will be charged for the month so far, and what stands "
        "against issuing statements."
    ),
    since="now/M",
    rows=[_AGAINST, RUN, _MONTH, _CHANGES],
    choices=[COUNCILS, BILLED_SERVICES],
    annotations=[BREACHES_OF_COUNCILS, CORRECTIONS, NEW_VERSIONS],
    links=[Link("Runbooks", "${docs:raw}/alerts.md")],
)
