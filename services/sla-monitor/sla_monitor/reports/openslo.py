"""Every target that has an objective as an OpenSLO document, for tools that read those."""

from collections.abc import Iterable

import yaml
from fastapi import APIRouter
from starlette.responses import Response

from shared.http import RequestedScope
from shared.scope import Scope
from sla_monitor.domain.openslo import Document, documents
from sla_monitor.reports.sources import Sources

YAML = "application/yaml"  # RFC 9512
TYPES: tuple[type, ...] = ()


def router(sources: Sources) -> APIRouter:
    """`/openslo`."""
    routes = APIRouter()

    @routes.get("/openslo", response_class=Response, responses={200: {"content": {YAML: {}}}})
    def openslo(scope: RequestedScope) -> Response:
        """Every target that has an objective, as OpenSLO v1 documents in one YAML stream."""
        return Response(openslo_yaml(openslo_documents(sources, scope)), media_type=YAML)

    return routes


def openslo_documents(sources: Sources, scope: Scope) -> list[Document]:
    """The targets of the newest version of each agreement in scope."""
    return list(documents(sources.catalogue.agreements(scope)))


def openslo_yaml(held: Iterable[Document]) -> str:
    """The documents as a YAML stream, each after its `---`."""
    return yaml.safe_dump_all(held, sort_keys=False, explicit_start=True, allow_unicode=True)
