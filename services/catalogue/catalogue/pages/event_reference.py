"""References for integrators, which anybody may read: the page of events, their schemas, their AsyncAPI description."""

import json
from functools import cache
from typing import Any, NamedTuple

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from shared.contracts.asyncapi import asyncapi_document
from shared.contracts.cloudevents import STRUCTURED_TYPE
from shared.contracts.schema import examples, schema_files
from shared.http import Problem
from shared.http.problem_types import NOT_FOUND
from shared.log.provided import PROVIDED, topics_of
from shared.web.pages import environment

# By the reason as quarantine counts it: what it means, and what to do. docs/events.md says the same at length.
REASONS = {
    "EMPTY": ("There is no event.", "Send one."),
    "TOO_LARGE": ("The event has over 256 KiB.", "Send less in it."),
    "UNREADABLE": (
        "It is no CloudEvent 1.0 in strict JSON, or a field is missing or has the wrong type.",
        "Compare it with the JSON Schema of its type.",
    ),
    "UNKNOWN_TYPE": ("This release does not know the type.", "Correct it, or ask for an upgrade."),
    "FOREIGN_TYPE": ("Integrators do not send this type, or it belongs to another topic.", "Send it where it belongs."),
    "FOREIGN_SOURCE": ("It withdraws what another source sent.", "Ask that source to withdraw it."),
    "TIME_OUT_OF_RANGE": ("A date has a year before 2000 or after 2099.", "Correct it."),
    "KEY_MISMATCH": ("On Kafka: the record's key is not council:subject.", "Set the key."),
    "KEY_PARTITION_MISMATCH": ("On Kafka: the key belongs to another partition.", "Let the client choose by the key."),
    "FUTURE_TIME": ("It is dated over five minutes after it was sent.", "Correct the clock and send it again."),
    "TOO_OLD": ("It is dated over 400 days before it was sent.", "Send it as a replay."),
    "ID_REUSE_CONFLICT": ("Its id has other content already.", "Give it an id of its own; the first one counts."),
    "PERSONAL_DATA": (
        "A text looks like an e-mail address, a National Insurance number, a postcode or a phone number.",
        "Leave it out; use an id that says nothing of a person.",
    ),
    "TOO_MANY_EVENTS": ("The item has 10,000 events already.", "Stop whatever repeats itself under new ids."),
    "FAILED": ("A bug in Tallystick came up with it.", "Nothing: it is redriven after an upgrade."),
    "NOT_YOURS": (
        "Your client may not send as that source, or about that council.",
        "Ask the provider for the source or council, or leave the event out.",
    ),
}


class EventType(NamedTuple):
    """A type of event as the page shows it."""

    name: str
    meaning: str
    topics: str
    example: str
    curl: str


def router() -> APIRouter:
    """`/events`, `/schemas/TYPE.json` and `/asyncapi.json`."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/events", response_class=HTMLResponse)
    def page() -> str:
        template = environment("catalogue").get_template("events.html")
        return template.render(types=_event_types(), reasons=REASONS)

    @routes.get("/schemas/{name}")
    def schema(name: str) -> Response:
        if (text := _schemas().get(name)) is None:
            raise Problem(NOT_FOUND)
        return Response(text, media_type="application/schema+json")

    @routes.get("/asyncapi.json")
    def asyncapi() -> Response:
        return Response(_asyncapi(), media_type="application/json")

    return routes


@cache
def _event_types() -> list[EventType]:
    shown = examples()
    return [_event_type(type_, shown) for type_ in sorted(PROVIDED, key=lambda each: str(each.__struct_config__.tag))]


def _event_type(type_: type[Any], shown: dict[str, dict[str, Any]]) -> EventType:
    name = str(type_.__struct_config__.tag)
    example = json.dumps(shown[name], ensure_ascii=False)
    curl = (
        'curl -i https://YOUR-TALLYSTICK/v1/events -H "Authorization: Bearer $TOKEN" \\\n'
        f"  -H 'Content-Type: {STRUCTURED_TYPE}' \\\n  -d '{example}'"
    )
    pretty = json.dumps(shown[name], indent=2, ensure_ascii=False)
    return EventType(name, (type_.__doc__ or "").split("\n")[0], " / ".join(topics_of(type_)), pretty, curl)


@cache
def _schemas() -> dict[str, str]:
    return schema_files()


@cache
def _asyncapi() -> str:
    return json.dumps(asyncapi_document(), ensure_ascii=False)
