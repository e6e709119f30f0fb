"""What each role may do. The one table: a handler asks for an action and never for a role."""

from enum import Enum
from typing import Literal, NamedTuple

Side = Literal["provider", "council"]


class Action(Enum):
    """Something that a route lets its caller do. The value is how a refusal words it."""

    READ_FIGURES = "read attainment, items and charges"
    READ_CATALOGUE = "read the catalogue"
    READ_EVIDENCE = "export the events behind the figures"
    TRY = "try a target or a tariff"
    PROPOSE_CATALOGUE = "propose versions of the catalogue"
    APPROVE_CATALOGUE = "approve versions of the catalogue"
    PROPOSE_EXCLUSION = "propose exclusions"
    APPROVE_EXCLUSION = "approve exclusions"
    REQUEST_CORRECTION = "request correction runs"
    APPROVE_CORRECTION = "approve correction runs"
    CHECK_STATEMENT = "check and issue statements, record payments and answer queries"
    APPROVE_STATEMENT = "approve statements"
    QUERY_STATEMENT = "query statements"
    ACKNOWLEDGE_STATEMENT = "acknowledge statements"
    OPERATE = "decide on quarantined events"
    SEND_EVENTS = "send events"
    MANAGE_ACCESS = "manage who has access"
    MANAGE_CREDENTIALS = "manage client credentials"
    READ_AUDIT = "read the audit log"


class Role(NamedTuple):
    """A role, for whom it acts, and what it may do."""

    name: str
    side: Side
    title: str
    actions: frozenset[Action]

    @property
    def sees_every_council(self) -> bool:
        """Whether it may be held for every council rather than for named ones."""
        return self.side == "provider"


_READS = frozenset({Action.READ_CATALOGUE, Action.READ_FIGURES, Action.READ_EVIDENCE, Action.TRY})
ROLES = {
    role.name: role
    for role in (
        Role(
            "operator",
            "provider",
            "Provider operations",
            _READS
            | {
                Action.PROPOSE_CATALOGUE,
                Action.PROPOSE_EXCLUSION,
                Action.REQUEST_CORRECTION,
                Action.OPERATE,
                Action.MANAGE_ACCESS,
                Action.MANAGE_CREDENTIALS,
            },
        ),
        Role(
            "finance",
            "provider",
            "Provider finance",
            _READS
            | {
                Action.PROPOSE_CATALOGUE,
                Action.REQUEST_CORRECTION,
                Action.CHECK_STATEMENT,
                Action.APPROVE_STATEMENT,
            },
        ),
        Role(
            "approver",
            "provider",
            "Provider approver",
            _READS
            | {
                Action.APPROVE_CATALOGUE,
                Action.APPROVE_EXCLUSION,
                Action.APPROVE_CORRECTION,
                Action.APPROVE_STATEMENT,
            },
        ),
        Role("auditor", "provider", "Auditor", _READS | {Action.READ_AUDIT}),
        Role("council-viewer", "council", "Council viewer", _READS),
        Role(
            "council-finance",
            "council",
            "Council finance",
            _READS
            | {
                Action.PROPOSE_EXCLUSION,
                Action.APPROVE_EXCLUSION,
                Action.APPROVE_CATALOGUE,
                Action.QUERY_STATEMENT,
                Action.ACKNOWLEDGE_STATEMENT,
                Action.MANAGE_CREDENTIALS,
            },
        ),
        Role(
            "acknowledger",
            "council",
            "Acknowledges statements",
            frozenset({Action.READ_EVIDENCE, Action.ACKNOWLEDGE_STATEMENT}),
        ),
        Role("integrator", "council", "Integrator", frozenset({Action.READ_CATALOGUE, Action.SEND_EVENTS, Action.TRY})),
    )
}
