"""The pages of the local run: its home page, and the two that every footer links to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from shared.period import Month
from shared.web.about import about
from shared.web.assets import assets
from shared.web.templating import environment


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A council's statement of the month. `href` is its address without a suffix."""

    council: str
    total_pence: int
    href: str


@dataclass(frozen=True, slots=True)
class AttainmentRow:
    """A council's month: targets `met` of `judged`, and items `good` of `total`."""

    council: str
    met: int
    judged: int
    good: int
    total: int


class Home(Protocol):
    """What the home page asks for. Every method may block."""

    @property
    def partnership(self) -> str:
        """Its name."""
        ...

    @property
    def illustrative(self) -> bool:
        """Whether any figure shown is made up."""
        ...

    def last_month(self) -> Month | None:
        """The newest month that has ended and in which anything was decided."""
        ...

    def statements(self, month: Month) -> Sequence[StatementRow]:
        """One row for each council that is recharged."""
        ...

    def attainment(self, month: Month) -> Sequence[AttainmentRow]:
        """One row for each council that was promised anything."""
        ...


def router(home: Home) -> APIRouter:
    """Routes for `/`, `/accessibility`, `/licences` and `/assets/…`."""
    routes = APIRouter(include_in_schema=False)
    pages = environment("tallystick")

    @routes.get("/", response_class=HTMLResponse)
    def home_page() -> str:
        month = home.last_month()
        return pages.get_template("home.html").render(
            partnership=home.partnership,
            illustrative=home.illustrative,
            month=month,
            statements=home.statements(month) if month else (),
            attainment=home.attainment(month) if month else (),
        )

    routes.include_router(about())
    routes.include_router(assets())
    return routes
