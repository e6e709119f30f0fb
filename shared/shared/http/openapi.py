"""Contract types in answers and in OpenAPI: encoded by msgspec, described by the schema that msgspec derives."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.responses import Response

from shared.contracts.codec import canonical_json
from shared.contracts.envelope import Event
from shared.contracts.schema import as_sent, unindented

_TEMPLATE = "#/components/schemas/{name}"
_LINK = {
    "description": 'the next page, with rel="next" (RFC 8288); the last page has none',
    "schema": {"type": "string"},
}


class Json(Response):
    """An answer of contract types; equal content gives equal bytes."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # Starlette's own signature
        """`content` as JSON."""
        return canonical_json(content)


class JsonList(Json):
    """An answer that is a list: `{"items": […]}`, as all lists are, so that a field can be added beside them."""

    def render(self, content: Any) -> bytes:  # Starlette's own signature
        """The items as JSON."""
        return canonical_json({"items": content})


def schema_ref(expected: type) -> dict[str, str]:
    """OpenAPI's reference to the schema of `expected`, one of the `types` that the app was made with."""
    return {"$ref": _TEMPLATE.format(name=expected.__name__)}


def json_responses(expected: type, meanings: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of answers of `expected`, by status, for an endpoint's `responses`."""
    content = {Json.media_type: {"schema": schema_ref(expected)}}
    return {status: {"description": meaning, "content": content} for status, meaning in meanings.items()}


def answers(expected: type) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of a 200 with one `expected`, for an endpoint's `responses`."""
    return json_responses(expected, {200: "Successful"})


def answers_many(expected: type) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's description of a 200 with a `JsonList` of `expected`, for an endpoint's `responses`."""
    items = {"type": "array", "items": schema_ref(expected)}
    schema = {"type": "object", "required": ["items"], "properties": {"items": items}}
    return {200: {"description": "Successful", "content": {Json.media_type: {"schema": schema}}}}


def pages_of(expected: type) -> dict[int | str, dict[str, Any]]:
    """As `answers_many`, of a list in pages: the header Link leads to the next."""
    (described,) = answers_many(expected).values()
    return {200: {**described, "description": "A page", "headers": {"Link": _LINK}}}


def component_schemas(types: Sequence[type]) -> dict[str, Any]:
    """The schemas of `types` and of all they are made of, by name."""
    _, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    events = {each.__name__ for each in types if issubclass(each, Event)}
    described = {name: unindented(schema) for name, schema in components.items()}
    return {name: as_sent(schema) if name in events else schema for name, schema in described.items()}
