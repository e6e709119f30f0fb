"""A statement, or a partnership's month, as an HTML page: the accessible form that comes first."""

from collections.abc import Sequence

from markupsafe import Markup

from billing.documents.credit_note_view import credit_note_view
from billing.documents.partnership_view import partnership_view
from billing.documents.view import StatementView, statement_view
from billing.domain.credit_note import CreditNote
from billing.domain.partnership_recharges import PartnershipRecharges
from billing.domain.statement import Statement
from shared.web.charts.bars import Bar, bar_chart
from shared.web.charts.svg import Caption
from shared.web.pages import environment
from shared.web.strings import text


def statement_page(statement: Statement, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page, with a chart and its table.

    It links to `downloads`, pairs of name and address: the statement's other forms.
    """
    shown = statement_view(statement)
    template = environment("billing").get_template("statement.html")
    return template.render(view=shown, chart=_chart(shown), downloads=downloads)


def partnership_page(recharges: PartnershipRecharges, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page of a partnership's month, with links to its other forms as `statement_page` has them."""
    template = environment("billing").get_template("partnership.html")
    return template.render(view=partnership_view(recharges), downloads=downloads)


def credit_note_page(note: CreditNote, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page of a credit note, with links to its other forms as `statement_page` has them."""
    template = environment("billing").get_template("credit_note.html")
    return template.render(view=credit_note_view(note), downloads=downloads)


def _chart(shown: StatementView) -> Markup:
    bars = [Bar(service.name, service.total_pence, service.total) for service in shown.services]
    caption = Caption(
        name="charges",
        title=text("statement.chart_title", month=shown.month_name),
        description=text("statement.chart_description"),
    )
    return bar_chart(caption, bars)
