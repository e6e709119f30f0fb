"""The pages of docs/ as they are written, under the paths that the gateway has: runbooks above all."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from shared.auth.roles import Action
from shared.http import Problem, requires
from shared.http.problem_types import NOT_FOUND

# Beside the sources of the demo: without a copy of the repository there are none.
DOCS = Path(__file__).parents[4] / "docs"


def documents_router(docs: Path = DOCS) -> APIRouter:
    """`/docs/…`: every page of Markdown that is in `docs` as the demo starts, for whoever is signed in."""
    routes = APIRouter(include_in_schema=False, dependencies=[requires(Action.READ_FIGURES)])
    pages = {path.relative_to(docs).as_posix(): path for path in docs.rglob("*.md")}

    @routes.get("/docs/{page:path}", response_class=PlainTextResponse)
    def document(page: str) -> str:
        if page not in pages:
            raise Problem(NOT_FOUND)
        return pages[page].read_text(encoding="utf-8")

    return routes
