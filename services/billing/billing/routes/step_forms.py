"""Forms by which people take steps with a statement: what was written stays, and each fault stands at its field."""

import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field

from billing.domain.lifecycle import StepRefused
from billing.domain.payment_rows import MAX_CELL, pence_of
from billing.domain.queries import InvalidStep
from billing.routes.steps import step_problems
from shared.http.forms import SentForm
from shared.validation import InvalidValue
from shared.web.strings import text

_NOTHING = re.compile(r"0(\.00?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class FormView:
    """A form as it is shown: what was written in it before, and what is wrong with it, by the names of its fields."""

    values: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


async def step_faults(step: Awaitable[None], form: SentForm, labels: Mapping[str, str]) -> FormView | None:
    """None once the step is taken; otherwise the form as it is shown again. What is missing is raised as a problem."""
    values = {name: form.one(name) for name in ("id", *labels)}
    with step_problems():
        try:
            await step
        except InvalidStep as refused:
            return _with_faults(values, [(refused.field, str(refused))], labels)
        except InvalidValue as refused:
            return _with_faults(values, [(str(each.path[0]), each.message) for each in refused.faults], labels)
        except StepRefused as refused:
            return FormView(values, problem=str(refused))
    return None


def _with_faults(values: Mapping[str, str], faults: Sequence[tuple[str, str]], labels: Mapping[str, str]) -> FormView:
    """Each fault at its field, in the words of its label; one of no field of the form stands above it."""
    shown = {name: fault[:1].upper() + fault[1:] for name, fault in faults if name in labels}
    elsewhere = " ".join(fault for name, fault in faults if name not in labels)
    return FormView(values, shown, elsewhere)


def require_short(form: SentForm, name: str = "words") -> None:
    """Raises `InvalidStep` where more was written than is kept of a step."""
    if len(form.one(name)) > MAX_CELL:
        raise InvalidStep(name, text("queries.too_long"))


def form_pence(form: SentForm, name: str) -> int | None:
    """The pence of an amount in pounds; None where the field was left empty."""
    pounds = form.one(name).removeprefix("£")
    if not pounds:
        return None
    found = 0 if _NOTHING.fullmatch(pounds) else pence_of(pounds)
    if found is None:
        raise InvalidStep(name, text("queries.pounds"))
    return found
