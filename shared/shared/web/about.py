"""The two pages that every footer links to."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from shared.web.templating import environment


def about() -> APIRouter:
    """Routes for `/accessibility` and `/licences`."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    pages = environment()

    @router.get("/accessibility")
    def accessibility() -> str:
        return pages.get_template("accessibility.html").render()

    @router.get("/licences")
    def licences() -> str:
        licence = files("shared.web").joinpath("static", "govuk", "LICENSE.txt").read_text(encoding="utf-8")
        return pages.get_template("licences.html").render(govuk_licence=licence)

    return router
