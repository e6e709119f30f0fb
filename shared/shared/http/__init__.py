"""What every HTTP server of Tallystick shares: strict reading, paging, and refusals as RFC 9457 problem details."""

from shared.http.access import Authentication, Caller, require_still_known, requires
from shared.http.app import create_app
from shared.http.bodies import JsonBody, json_request_body, read_as
from shared.http.media_types import preferred_media_type
from shared.http.openapi import Json, JsonList, answers, answers_many, json_responses, pages_of, schema_ref
from shared.http.openapi_refusals import refuses
from shared.http.paging import Limit, Page, Paging, RequestedPage, page_of
from shared.http.problem_types import ProblemType
from shared.http.problems import Problem
from shared.http.queries import (
    CallerScope,
    DateParameter,
    InstantParameter,
    MonthParameter,
    MonthScope,
    OptionalId,
    PathId,
    PeriodParameter,
    RequestedMonthScope,
    RequestedScope,
)

__all__ = [
    "Authentication",
    "Caller",
    "CallerScope",
    "DateParameter",
    "InstantParameter",
    "Json",
    "JsonBody",
    "JsonList",
    "Limit",
    "MonthParameter",
    "MonthScope",
    "OptionalId",
    "Page",
    "Paging",
    "PathId",
    "PeriodParameter",
    "Problem",
    "ProblemType",
    "RequestedMonthScope",
    "RequestedPage",
    "RequestedScope",
    "answers",
    "answers_many",
    "create_app",
    "json_request_body",
    "json_responses",
    "page_of",
    "pages_of",
    "preferred_media_type",
    "read_as",
    "refuses",
    "require_still_known",
    "requires",
    "schema_ref",
]
