"""The reference of a service's HTTP API as routes of its own."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter

from shared.http.app import described
from shared.web.api_reference import router


def reference_routes(service: str, title: str, routes: Callable[[], APIRouter], types: Sequence[type]) -> APIRouter:
    """`/api/SERVICE` and `/api/SERVICE.json`, of `routes` alone: also where several services are one application.

    They are made when somebody asks first.
    """

    def document() -> dict[str, Any]:
        return described(title, [routes()], types)

    return router(service, document)
