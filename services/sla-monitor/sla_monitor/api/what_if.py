"""What a draft target, calendar or agreement would have made of past months."""

from typing import Annotated

from fastapi import APIRouter
from msgspec import Meta, Struct

from shared.contracts.scalars import MonthText
from shared.faults import Fault
from shared.http import Json, JsonBody, Problem, json_request_body, read_as
from shared.http.problem_types import INVALID_REQUEST
from sla_monitor.api.asking import answers
from sla_monitor.reports.what_if import UnusableDraft, WhatIf
from sla_monitor.trial.draft import ChangedVerdict, Draft, WhatIfFindings

MOST_LISTED = 1000


class WhatIfBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A draft, and the months to try it on: both are included."""

    draft: Draft
    first_month: MonthText
    last_month: MonthText


class DraftedTargetBody(Struct, frozen=True):
    """One council's target over the months, as announced and under the draft."""

    council: str
    target: str
    good: int
    total: int
    misses: int
    draft_good: int
    draft_total: int
    draft_misses: int


class WhatIfAnswer(Struct, frozen=True):
    """`changed` counts all verdicts that would be another; the first of them are listed."""

    items: int
    targets: list[DraftedTargetBody]
    changed: int
    listed: Annotated[list[ChangedVerdict], Meta(description=f"at most {MOST_LISTED}")]


TYPES = (WhatIfBody, WhatIfAnswer)


def router(what_if: WhatIf) -> APIRouter:
    """`/what-if/targets`."""
    routes = APIRouter()

    @routes.post("/what-if/targets", responses=answers(WhatIfAnswer), openapi_extra=json_request_body(WhatIfBody))
    async def targets(body: JsonBody) -> Json:
        """Attainment and misses under the draft, and which verdicts would be others. Nothing is stored or announced."""
        asked = read_as(body, WhatIfBody)
        if asked.last_month < asked.first_month:
            raise Problem(INVALID_REQUEST, faults=[Fault(("last_month",), "expected a month not before first_month")])
        try:
            findings = await what_if.ask(asked.draft, first_month=asked.first_month, last_month=asked.last_month)
        except UnusableDraft as refused:
            raise Problem(INVALID_REQUEST, faults=[fault.below("draft") for fault in refused.faults]) from refused
        return Json(what_if_answer(findings))

    return routes


def what_if_answer(findings: WhatIfFindings, *, most_listed: int = MOST_LISTED) -> WhatIfAnswer:
    """The findings as the API shows them."""
    return WhatIfAnswer(
        items=findings.items,
        targets=[
            DraftedTargetBody(
                council=council,
                target=target,
                good=tally.good,
                total=tally.total,
                misses=tally.total - tally.good,
                draft_good=tally.draft_good,
                draft_total=tally.draft_total,
                draft_misses=tally.draft_total - tally.draft_good,
            )
            for (council, target), tally in sorted(findings.tallies.items())
        ],
        changed=len(findings.changed),
        listed=findings.changed[:most_listed],
    )
