"""What the pages of every service share: the Jinja environment with the one layout, and what every page links to."""

from contextvars import ContextVar
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from shared.auth.sessions import current_session
from shared.money import format_gbp
from shared.web import formats
from shared.web.assets import asset_url, assets
from shared.web.strings import markup, with_code

# The instant as of which every page shows what is known, where that is another than the present; set for a request.
shown_as_of: ContextVar[datetime | None] = ContextVar("shown_as_of", default=None)


@cache
def environment(*packages: str) -> Environment:
    """Templates of `packages` (each from its `templates` folder, earlier ones first) over the shared layout.

    Everything is escaped and an unknown name is an error. The functions of `formats` are filters by their names, and so
    are `format_gbp` and `with_code`; `t` gives the strings, `signed_in` the session of whoever the page is made for,
    and `shown_as_of` the instant that is shown instead of the present.
    """
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package) for package in (*packages, "shared.web")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({name: getattr(formats, name) for name in formats.__all__})
    made.filters.update(format_gbp=format_gbp, with_code=with_code)
    made.globals.update(asset_url=asset_url, t=markup, signed_in=current_session.get, shown_as_of=shown_as_of.get)
    return made


class _Refusal(Protocol):
    """Problem details (RFC 9457): what is shown of them."""

    @property
    def title(self) -> str: ...
    @property
    def status(self) -> int: ...
    @property
    def detail(self) -> str: ...
    @property
    def instance(self) -> str: ...


def problem_page(refusal: _Refusal) -> str:
    """A refusal or a failure as a page, in the words of its problem details."""
    return environment().get_template("problem.html").render(problem=refusal)


def site_routes() -> APIRouter:
    """Routes for what every page links to: `/accessibility`, `/licences` and `/assets/…`."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    pages = environment()
    router.include_router(assets())

    @router.get("/accessibility")
    def accessibility() -> str:
        return pages.get_template("accessibility.html").render()

    @router.get("/licences")
    def licences() -> str:
        licence = files("shared.web").joinpath("static", "govuk", "LICENSE.txt").read_text(encoding="utf-8")
        return pages.get_template("licences.html").render(govuk_licence=licence)

    return router
