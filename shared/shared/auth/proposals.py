"""Who may do what about a proposed change of the catalogue, and which of its documents they see.

Who proposed something never decides about it. To approve is for somebody whose councils include every one that it
charges: the provider's approver, or a council's finance officer where it is about their councils alone. To reject, it
is enough that it charges one of them.
"""

from typing import Literal

import msgspec

from shared.auth.principal import Principal
from shared.auth.roles import Action
from shared.contracts.proposals import ProposalData
from shared.scope import Scope

ProposalStep = Literal["approve", "reject", "withdraw"]


def seen(proposal: ProposalData, scope: Scope) -> ProposalData | None:
    """It, with the documents about councils in scope, and no other councils named; None where nothing is left."""
    if scope.councils is None:
        return proposal
    found = tuple(
        msgspec.structs.replace(each, councils=tuple(scope.visible(each.councils or ())))
        for each in proposal.definitions
        if scope.councils.intersection(each.councils or ())
    )
    return msgspec.structs.replace(proposal, definitions=found) if found else None


def steps(proposal: ProposalData, caller: Principal) -> tuple[ProposalStep, ...]:
    """What the caller may do about it now."""
    if proposal.status != "proposed" or seen(proposal, caller.scope) is None:
        return ()
    found: list[ProposalStep] = []
    if caller.may(Action.APPROVE_CATALOGUE) and caller.name != proposal.proposed.by:
        found += ["approve", "reject"] if _covers(caller.scope, proposal) else ["reject"]
    if caller.may(Action.PROPOSE_CATALOGUE) and proposal.proposed.side in caller.sides:
        found.append("withdraw")
    return tuple(found)


def _covers(scope: Scope, proposal: ProposalData) -> bool:
    """Whether all that it is about is in scope; what all councils share is for who sees every council."""
    return scope.councils is None or all(
        each.councils and scope.councils.issuperset(each.councils) for each in proposal.definitions
    )
