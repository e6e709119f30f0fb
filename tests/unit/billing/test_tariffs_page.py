"""Every example of docs/tariffs.md and docs/try-a-tariff.md gives what the page shows below it."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import msgspec
import pytest

from billing.trial.document import document_schema
from billing.trial.tariff import try_tariff
from shared.contracts.charges import Charge
from shared.documents import InvalidDocument
from shared.yaml_values import read_yaml

DOCS = Path(__file__).parents[3] / "docs"
PAGE, TRIAL = ((DOCS / name).read_text(encoding="utf-8") for name in ("tariffs.md", "try-a-tariff.md"))
_EXAMPLE = re.compile(r"```yaml\n([^`]*)```\n(?:(?!```).)*?```json\n([^`]*)```", re.DOTALL)
EXAMPLES = [*_EXAMPLE.findall(PAGE), *_EXAMPLE.findall(TRIAL)]


def answered(text: str) -> dict[str, Any]:
    """The answer as plain values; each line with its working as one formula."""
    answer: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(try_tariff(text.encode(), written_in="yaml")))
    for line in answer["lines"]:
        line["formula"] = "; ".join(working["formula"] for working in line["workings"])
    return answer


def cut_to(shown: Any, answer: Any) -> Any:
    """`answer` with only the fields that `shown` has, so that the two can be compared."""
    match shown, answer:
        case dict(), dict():
            return {name: cut_to(value, answer.get(name)) for name, value in shown.items()}
        case list(), list() if len(shown) == len(answer):
            return [cut_to(one, other) for one, other in zip(shown, answer, strict=True)]
        case _:
            return answer


@pytest.mark.parametrize(("document", "shown"), EXAMPLES)
def test_an_example_gives_what_the_page_shows(document: str, shown: str) -> None:
    expected = json.loads(shown)

    assert cut_to(expected, answered(document)) == expected


def test_every_kind_of_charge_has_its_example() -> None:
    kinds = {str(kind.__struct_config__.tag) for kind in get_args(Charge)}

    shown = {line["kind"] for document, _ in _EXAMPLE.findall(PAGE) for line in answered(document)["lines"]}

    assert kinds <= shown
    assert all(f"[`{kind}`](#" in PAGE for kind in kinds)


@pytest.mark.parametrize("document", [document for document, _ in EXAMPLES])
def test_the_schema_accepts_the_pages_documents(document: str) -> None:
    schema = jsonschema_rs.validator_for(document_schema())

    assert [error.message for error in schema.iter_errors(read_yaml(document).value)] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"tariff": {"charges": []}},
        {"tariff": {"charges": [{"kind": "auction", "name": "A"}]}},
        {"month": "May"},
        {"usage": {"quantity": "1e3"}},
        {"questions": [{"round": {"gbp": "a pound"}}]},
        {"questions": [{"vat": []}]},
        {"vat": {"treatment": "none"}},
    ],
)
def test_the_schema_refuses_what_no_document_may_say(broken: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(document_schema()).is_valid(broken)


def test_the_published_schema_is_that_of_the_document() -> None:
    published = json.loads((DOCS / "try-tariff.schema.json").read_text(encoding="utf-8"))

    assert published == json.loads(json.dumps(document_schema()))


def test_what_is_wrong_with_a_document_is_reported_as_the_page_shows() -> None:
    ((document, shown),) = re.findall(r"```yaml\n([^`]*)```\n\n```text\n(.*?)```", TRIAL, re.DOTALL)

    with pytest.raises(InvalidDocument) as refused:
        try_tariff(document.encode(), written_in="yaml")

    assert str(refused.value) == shown.rstrip()
