"""A statement, or a partnership's month, as an HTML page: the accessible form that comes first."""

from collections.abc import Sequence

from markupsafe import Markup

from billing.documents.credit_note_view import credit_note_view
from billing.documents.line_view import LineView
from billing.documents.partnership_view import partnership_view
from billing.documents.shown import ShownStatement
from billing.documents.view import StatementView, statement_view
from billing.domain.credit_note import CreditNote
from billing.domain.partnership_recharges import PartnershipRecharges
from shared.web.charts.bars import Bar, bar_chart
from shared.web.charts.svg import Caption
from shared.web.pages import environment
from shared.web.strings import text


def statement_page(shown: ShownStatement, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page, with a chart and its table.

    It links to `downloads`, pairs of name and address: the statement's other forms.
    """
    view = statement_view(shown)
    template = environment("billing").get_template("statement.html")
    return template.render(view=view, chart=_chart(view), downloads=downloads)


def line_page(view: LineView) -> str:
    """The page of one line, down to its events."""
    return environment("billing").get_template("line.html").render(view=view)


def partnership_page(recharges: PartnershipRecharges, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page of a partnership's month, with links to its other forms as `statement_page` has them."""
    template = environment("billing").get_template("partnership.html")
    return template.render(view=partnership_view(recharges), downloads=downloads)


def credit_note_page(note: CreditNote, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page of a credit note, with links to its other forms as `statement_page` has them."""
    template = environment("billing").get_template("credit_note.html")
    return template.render(view=credit_note_view(note), downloads=downloads)


def _chart(view: StatementView) -> Markup:
    bars = [Bar(service.name, service.total_pence, service.total) for service in view.services]
    caption = Caption(
        name="charges",
        title=text("statement.chart_title", month=view.month_name),
        description=text("statement.chart_description"),
    )
    return bar_chart(caption, bars)
