"""What every HTTP server of Tallystick shares: strict reading, paging, and refusals as RFC 9457 problem details."""

from shared.http.access import Authentication, Caller, requires
from shared.http.app import create_app
from shared.http.bodies import JsonBody, json_request_body, read_as
from shared.http.media_types import preferred_media_type
from shared.http.openapi import Json, answers, answers_many, json_responses, schema_ref
from shared.http.paging import Cursor, Limit, Page, next_link, page_of, read_cursor
from shared.http.problem_types import ProblemType
from shared.http.problems import Problem
from shared.http.queries import (
    CallerScope,
    DateParameter,
    InstantParameter,
    MonthParameter,
    OptionalId,
    PathId,
    PeriodParameter,
    RequestedScope,
)

__all__ = [
    "Authentication",
    "Caller",
    "CallerScope",
    "Cursor",
    "DateParameter",
    "InstantParameter",
    "Json",
    "JsonBody",
    "Limit",
    "MonthParameter",
    "OptionalId",
    "Page",
    "PathId",
    "PeriodParameter",
    "Problem",
    "ProblemType",
    "RequestedScope",
    "answers",
    "answers_many",
    "create_app",
    "json_request_body",
    "json_responses",
    "next_link",
    "page_of",
    "preferred_media_type",
    "read_as",
    "read_cursor",
    "requires",
    "schema_ref",
]
