"""The monitor's answers in the forms of other tools: attainment as CSV, targets as OpenSLO."""

import csv
import io
from collections.abc import Iterable

import msgspec
import yaml
from fastapi import APIRouter
from starlette.responses import Response

from shared.csv_cells import escape_formula
from shared.http import MonthParameter
from sla_monitor.api.asking import IdOrNone, OverParameter
from sla_monitor.domain.openslo import Document
from sla_monitor.reports.items import Questions
from sla_monitor.schemas import AttainmentResult, attainment_result

CSV = "text/csv; charset=utf-8; header=present"
YAML = "application/yaml"  # RFC 9512


def router(questions: Questions) -> APIRouter:
    """`/attainment.csv` and `/openslo`."""
    routes = APIRouter()

    @routes.get("/attainment.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
    def attainment(
        month: MonthParameter | None = None,
        council: IdOrNone = None,
        service: IdOrNone = None,
        over: OverParameter = "month",
    ) -> Response:
        """As /v1/attainment, one row for each of its entries, with the same names."""
        rows = questions.attainment(month=month, council=council, service=service, over=over)
        return Response(attainment_csv(attainment_result(row) for row in rows), media_type=CSV)

    @routes.get("/openslo", response_class=Response, responses={200: {"content": {YAML: {}}}})
    def openslo(council: IdOrNone = None) -> Response:
        """Every target that has an objective, as OpenSLO v1 documents in one YAML stream."""
        return Response(openslo_yaml(questions.openslo(council=council)), media_type=YAML)

    return routes


def attainment_csv(rows: Iterable[AttainmentResult]) -> str:
    """RFC 4180: text that no spreadsheet runs, whole numbers plain, nothing where there is nothing."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(AttainmentResult.__struct_fields__)
    for row in rows:
        writer.writerow(
            escape_formula(cell) if isinstance(cell, str) else cell for cell in msgspec.structs.astuple(row)
        )
    return written.getvalue()


def openslo_yaml(documents: Iterable[Document]) -> str:
    """The documents as a YAML stream, each after its `---`."""
    return yaml.safe_dump_all(documents, sort_keys=False, explicit_start=True, allow_unicode=True)
