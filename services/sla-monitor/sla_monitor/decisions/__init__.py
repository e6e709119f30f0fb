"""How broken rules about decisions are answered over HTTP."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.http import Problem
from shared.http.problem_types import CONFLICT, NOT_FOUND, SERVICE_UNAVAILABLE
from shared.log.port import AppendUncertain
from shared.scope import Scope
from sla_monitor.domain.decisions import NotAllowed


class UnknownDecision(LookupError):
    """Nothing of that id was proposed or requested."""


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
        raise Problem(NOT_FOUND, str(refused)) from refused
    except NotAllowed as refused:
        raise Problem(CONFLICT, str(refused)) from refused
    except AppendUncertain as fault:
        detail = "it may be in the log: send the same again"
        raise Problem(SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"}) from fault
