"""What every HTTP server of Tallystick shares: strict reading, paging, and refusals as RFC 9457 problem details."""

from shared.http.app import create_app
from shared.http.bodies import JsonBody, json_request_body, read_as
from shared.http.media_types import preferred_media_type
from shared.http.openapi import Json, json_responses, schema_ref
from shared.http.paging import Cursor, Limit, Page, next_link, read_cursor
from shared.http.problem_types import ProblemType
from shared.http.problems import Problem
from shared.http.queries import DateParameter, InstantParameter, MonthParameter, OptionalId, PathId

__all__ = [
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
    "Problem",
    "ProblemType",
    "create_app",
    "json_request_body",
    "json_responses",
    "next_link",
    "preferred_media_type",
    "read_as",
    "read_cursor",
    "schema_ref",
]
