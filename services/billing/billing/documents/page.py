"""A statement as an HTML page: the accessible form that comes first, with a chart and the chart's table."""

from collections.abc import Sequence

from markupsafe import Markup

from billing.documents.view import StatementView, statement_view
from billing.domain.statement import Statement
from shared.web.charts.bars import Bar, bar_chart
from shared.web.charts.svg import Caption
from shared.web.pages import environment
from shared.web.strings import text


def statement_page(statement: Statement, *, downloads: Sequence[tuple[str, str]]) -> str:
    """The page. It links to `downloads`, pairs of name and address: the statement's other forms."""
    shown = statement_view(statement)
    template = environment("billing").get_template("statement.html")
    return template.render(view=shown, chart=_chart(shown), downloads=downloads)


def _chart(shown: StatementView) -> Markup:
    bars = [Bar(service.name, service.total_pence, service.total) for service in shown.services]
    caption = Caption(
        name="charges",
        title=text("statement.chart_title", month=shown.month_name),
        description=text("statement.chart_description"),
    )
    return bar_chart(caption, bars)
