"""What every HTTP face of Tallystick shares: strict reading, pages, and refusals as RFC 9457 problems."""

from shared.http.app import create_app
from shared.http.bodies import JsonBody, json_request_body, read_as
from shared.http.documents import Json, json_answers, ref
from shared.http.kinds import Kind
from shared.http.paging import Cursor, Limit, Page, next_link, read_cursor
from shared.http.problems import Problem
from shared.http.queries import Day, Moment, PathId

__all__ = [
    "Cursor",
    "Day",
    "Json",
    "JsonBody",
    "Kind",
    "Limit",
    "Moment",
    "Page",
    "PathId",
    "Problem",
    "create_app",
    "json_answers",
    "json_request_body",
    "next_link",
    "read_as",
    "read_cursor",
    "ref",
]
