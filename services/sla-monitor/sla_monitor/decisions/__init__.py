"""How broken rules about decisions are answered over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.auth.principal import Principal
from shared.contracts.decisions import Party
from shared.http import Problem
from shared.http.problem_types import CONFLICT, NOT_FOUND, NOT_PERMITTED, SERVICE_UNAVAILABLE
from shared.log.port import AppendUncertain
from shared.scope import Scope
from sla_monitor.domain.decisions import NotAllowed, SeveralCouncils


class UnknownDecision(LookupError):
    """Nothing of that id was proposed or requested."""


class SamePerson(Exception):
    """Who proposed something may not decide about it, whatever their roles."""


def party_of(caller: Principal) -> Party:
    """As whom, and for which side, the caller decides. Raises `NotAllowed` for one who acts for both."""
    if len(caller.sides) != 1:
        raise NotAllowed("expected somebody who acts for one side: sign in")
    (side,) = caller.sides
    return Party(side=side, by=caller.name)


def require_another_person(caller: Principal, proposer: str) -> None:
    """Raises `SamePerson` where the caller proposed it; a local stack is one person's."""
    if caller.name == proposer and caller.kind != "local":
        raise SamePerson("who proposed it cannot decide about it: somebody else has to")


def require_in_scope(scope: Scope, council: str | None) -> None:
    """Raises `UnknownDecision` unless `scope` has `council`; None is every council."""
    if scope.councils is not None and (council is None or not scope.allows(council)):
        raise UnknownDecision("expected a council that you may see")


@contextmanager
def decision_problems() -> Iterator[None]:
    """A broken rule is raised as the problem that answers it over HTTP."""
    try:
        yield
    except UnknownDecision as refused:
        raise Problem(NOT_FOUND) from refused  # as for another council's: not even the id distinguishes the answers
    except SeveralCouncils as several:
        raise Problem(CONFLICT, "several councils have one of this id: add ?council= and the council's id") from several
    except SamePerson as refused:
        raise Problem(NOT_PERMITTED, str(refused)) from refused
    except NotAllowed as refused:
        raise Problem(CONFLICT, str(refused)) from refused
    except AppendUncertain as fault:
        detail = "it may be in the log: send the same again"
        raise Problem(SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"}) from fault
