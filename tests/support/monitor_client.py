"""A running monitor and a client of its API, with two councils whose items are due within eight working hours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from shared.auth.principal import Principal
from shared.contracts.definitions import Agreement
from shared.contracts.verdicts import VerdictCorrected
from shared.http import Authentication, create_app
from shared.scope import Scope
from tests.support.histories import calendar
from tests.support.monitoring import NEVER_ARCHIVED, Monitor, monitor

NOW = "Wed 2026-03-04 12:00"
# Opened on Monday at noon with eight working hours: due on Tuesday at noon, and done three hours late.
LATE = [("Mon 2026-03-02 12:00", "opened"), ("Tue 2026-03-03 15:00", "resolved")]
NIGHT = {
    "council": "adur",
    "start_at": "2026-03-02T13:00:00Z",
    "end_at": "2026-03-02T16:00:00Z",
    "category": "planned-maintenance",
    "reason": "change-1432",
}
PROVIDER, SECOND, COUNCIL = "operations", "second-approver", "contract-manager"
# Who calls, by the header Test-Caller; without it whoever may all.
PEOPLE = {
    PROVIDER: Principal.of(PROVIDER, "person", ["operator", "approver"], Scope.all()),
    SECOND: Principal.of(SECOND, "person", ["approver"], Scope.all()),
    COUNCIL: Principal.of(COUNCIL, "person", ["council-finance"], Scope.of("adur", "worthing")),
}
NAMED = Authentication(lambda request: PEOPLE.get(request.headers.get("Test-Caller", ""), Principal.local("tester")))


def agreement(council: str = "adur") -> Agreement:
    target = {
        "id": "resolve",
        "service": "*",
        "measure": "resolution-time",
        "within": "8 working hours",
        "calendar": "office",
    }
    held = {"id": f"{council}-2026", "council": council, "provider": "joint", "title": "Illustrative"}
    return msgspec.convert(held | {"targets": [target]}, Agreement)


class MonitorClient:
    """A running monitor and a client of its API."""

    def __init__(self, on: Monitor, client: httpx2.AsyncClient) -> None:
        self.on, self._client = on, client

    async def status(self, path: str) -> int:
        return (await self._client.get(path)).status_code

    async def read(self, path: str) -> bytes:
        answer = await self._client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def get(self, path: str) -> Any:
        return msgspec.json.decode(await self.read(path))

    async def listed(self, path: str) -> Any:
        """The items of a list."""
        return (await self.get(path))["items"]

    async def post(self, path: str, body: dict[str, Any] | None = None, *, expect: int, by: str = "") -> Any:
        answer = await self._client.post(path, json=body, headers={"Test-Caller": by})
        assert answer.status_code == expect, answer.text
        return answer.json()

    async def propose(self, *, by: str = PROVIDER, **changes: Any) -> Any:
        body = {"id": "X1", "exclusion": NIGHT | changes}
        return await self.post("/v1/exclusions", body, expect=201, by=by)

    async def corrections(self) -> list[tuple[str, str, str, str]]:
        """(item, was, now, cause) of every correction published."""
        await self.on.wait_until_idle()
        return sorted(
            (event.subject, event.data.was, event.data.outcome, event.data.cause)
            for event in await self.on.announced()
            if isinstance(event, VerdictCorrected)
        )

    async def attained(self) -> list[tuple[str, str, int, int]]:
        """(council, month, good, total) of every row."""
        rows = await self.listed("/v1/attainment")
        return [(row["council"], row["period"], row["good"], row["total"]) for row in rows]


@asynccontextmanager
async def monitor_client(
    folder: Path, *, now: str = NOW, archive_days: int = NEVER_ARCHIVED
) -> AsyncIterator[MonitorClient]:
    async with monitor(folder, now=now, archive_days=archive_days) as on:
        await on.publish_catalogue(calendar(), agreement(), agreement("worthing"))
        await on.wait_until_idle()
        app = create_app("Monitor", [on.app.router], types=on.app.types, authentication=NAMED)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://monitor") as client:
            yield MonitorClient(on, client)
