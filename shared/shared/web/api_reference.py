"""The reference of one service's HTTP API, made from its OpenAPI document: a page without scripts, and the document.

A page like the others rather than a vendored viewer: it can be read without JavaScript, with a keyboard and by screen
readers, and is printed as it is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from starlette.responses import JSONResponse

from shared.web.pages import environment
from shared.web.strings import markup

API_PATH = "/api"
_METHODS = ("get", "put", "post", "delete")
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FieldView:
    """A parameter or a field as a row: `kind` is its type in words, with links to other types."""

    name: str
    kind: Markup
    is_required: bool
    meaning: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class AnswerView:
    """An answer of an operation: its status, what it means, and what it holds by media type."""

    status: str
    meaning: str
    contents: Sequence[tuple[str, Markup]]


@dataclass(frozen=True, slots=True)
class OperationView:
    """An operation; `bodies` are what may be sent, by media type; `refusals` are the statuses of all its refusals.

    `is_public`: anybody may ask.
    """

    id: str
    summary: str
    description: str
    method: str
    path: str
    is_public: bool
    parameters: Sequence[FieldView]
    bodies: Sequence[tuple[str, Markup]]
    answers: Sequence[AnswerView]
    refusals: Sequence[str]


@dataclass(frozen=True, slots=True)
class SchemaView:
    """A type that operations refer to, with its fields; of one without fields, `kind` says what it is."""

    name: str
    description: str
    kind: Markup
    fields: Sequence[FieldView]


def router(service: str, document: Callable[[], Document]) -> APIRouter:
    """`/api/SERVICE` and `/api/SERVICE.json`; the document is made when it is asked for first.

    The page is made for each reader, since it says who that is.
    """
    routes = APIRouter(include_in_schema=False)
    made = cache(document)
    views = cache(lambda: _views(service, made()))

    @routes.get(f"{API_PATH}/{service}", response_class=HTMLResponse)
    def reference() -> str:
        return environment().get_template("api_reference.html").render(views())

    @routes.get(f"{API_PATH}/{service}.json")
    def described() -> JSONResponse:
        return JSONResponse(made())

    return routes


def _views(service: str, document: Document) -> Mapping[str, Any]:
    schemas = document.get("components", {}).get("schemas", {})
    return {
        "service": service,
        "title": document["info"]["title"],
        "operations": list(_operations(document)),
        "refusals": _refusals(document),
        "schemas": [_schema(name, schema) for name, schema in sorted(schemas.items())],
        "json_path": f"{API_PATH}/{service}.json",
    }


def _operations(document: Document) -> Iterator[OperationView]:
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if (operation := methods.get(method)) is not None:
                yield _operation(path, method, operation)


def _refusals(document: Document) -> list[AnswerView]:
    """Every refusal that an operation refers to, by status."""
    described = document["components"]["responses"]
    named = {
        (status, _last(each))
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, each in operation["responses"].items()
        if "$ref" in each
    }
    return [_answer(status, described[name]) for status, name in sorted(named)]


def _answer(status: str, answer: Document) -> AnswerView:
    return AnswerView(status, answer.get("description", ""), _contents(answer))


def _operation(path: str, method: str, operation: Document) -> OperationView:
    answers = operation["responses"]
    return OperationView(
        id=operation["operationId"],
        summary=operation["summary"],
        description=operation.get("description", ""),
        method=method.upper(),
        path=path,
        is_public=not operation.get("security"),
        parameters=[_parameter(each) for each in operation.get("parameters", ())],
        bodies=_contents(operation.get("requestBody", {})),
        answers=[_answer(status, each) for status, each in answers.items() if "$ref" not in each],
        refusals=[status for status, each in answers.items() if "$ref" in each],
    )


def _parameter(parameter: Document) -> FieldView:
    meaning = parameter.get("description", "") or _description(parameter["schema"])
    required = bool(parameter.get("required"))
    return FieldView(parameter["name"], kind_of(parameter["schema"]), required, meaning, parameter["in"])


def _contents(holder: Document) -> list[tuple[str, Markup]]:
    return [(kind, kind_of(each.get("schema", {}))) for kind, each in holder.get("content", {}).items()]


def _schema(name: str, schema: Document) -> SchemaView:
    required = set(schema.get("required", ()))
    fields = [
        FieldView(field, kind_of(each), field in required, _description(each))
        for field, each in schema.get("properties", {}).items()
    ]
    return SchemaView(name, schema.get("description", ""), kind_of(schema), fields)


def _description(schema: Document) -> str:
    parts = (schema, *schema.get("anyOf", ()), schema.get("items", {}))
    return next((str(each["description"]) for each in parts if "description" in each), "")


def kind_of(schema: Document) -> Markup:
    """A JSON Schema in words: "list of Charge", "whole number, 1 to 200", "text or null"."""
    kinds = schema.get("anyOf") or schema.get("oneOf")
    if kinds:
        return _either(map(kind_of, kinds))
    if "$ref" in schema:
        return Markup('<a class="govuk-link" href="#{0}">{0}</a>').format(_last(schema))
    if "enum" in schema:
        return _either(Markup("<code>{}</code>").format(each) for each in schema["enum"])
    if schema.get("type") == "array" and "items" in schema:
        return markup("api.list_of", items=kind_of(schema["items"]))
    if "properties" in schema and "title" not in schema:
        return markup("api.object_with", fields=Markup(", ").join(_fields(schema["properties"])))
    return Markup(", ").join([_type(schema.get("type", "any")), *_bounds(schema)])


def _type(named: str | Sequence[str]) -> Markup:
    return markup(f"api.kind_{named}") if isinstance(named, str) else _either(map(_type, named))


def _fields(properties: Mapping[str, Document]) -> Iterator[Markup]:
    return (Markup("<code>{}</code>: {}").format(name, kind_of(each)) for name, each in properties.items())


def _either(kinds: Iterable[Markup]) -> Markup:
    return markup("api.or").join(kinds)


def _bounds(schema: Document) -> Iterator[Markup]:
    least, most = schema.get("minimum"), schema.get("maximum", schema.get("exclusiveMaximum"))
    if "format" in schema:
        yield Markup.escape(schema["format"])
    if least is not None and most is not None:
        yield markup("api.from_to", least=str(least), most=str(most))
    if "maxLength" in schema:
        yield markup("api.characters", most=schema["maxLength"])
    if "pattern" in schema and "description" not in schema:  # the meaning says it in words
        yield Markup("<code>{}</code>").format(schema["pattern"])


def _last(reference: Document) -> str:
    return str(reference.get("$ref", "")).rpartition("/")[2]
