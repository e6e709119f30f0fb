"""`/v1/audit/SERVICE`: who did, saw and was refused what, for auditors; and whether the log is as it was written."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query

from shared.audit import AuditEntry
from shared.auditing.log import AuditLog, AuditVerification
from shared.auth.roles import Action
from shared.http import (
    CallerScope,
    Json,
    JsonList,
    Limit,
    RequestedPage,
    answers,
    page_of,
    pages_of,
    requires,
)
from shared.http.queries import PLAIN_DIGITS

TYPES: Sequence[type] = (AuditEntry, AuditVerification)
After = Annotated[int, Query(ge=0, lt=2**63, description="the number of an entry"), PLAIN_DIGITS]


def router(audit: AuditLog) -> APIRouter:
    """The audit log of one service."""
    word = audit.service.replace("-", "_")
    routes = APIRouter(prefix=f"/v1/audit/{audit.service}", tags=["audit"], dependencies=[requires(Action.READ_AUDIT)])

    @routes.get("", name=f"list_audit_entries_of_{word}", responses=pages_of(AuditEntry))
    def list_audit_entries(caller: CallerScope, paging: RequestedPage, limit: Limit = 50, after: After = 0) -> Json:
        """The entries about the councils that the caller may see, from the first on, or from the one after `after`."""
        found = audit.read(caller, after=max(after, paging.after_number), limit=limit + 1)
        page = page_of(found, limit, key=lambda entry: (str(entry.number),))
        return JsonList(page.items, headers=paging.next_link(page))

    @routes.get("/verification", name=f"verify_audit_log_of_{word}", responses=answers(AuditVerification))
    async def verify_audit_log() -> Json:
        """Every entry compared with the one before it and with what was published: the first that is not as it was."""
        return Json(await asyncio.shield(audit.verify()))

    return routes
