"""docs/try-a-target.md does what it says, and the published schema describes the document."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

from shared.contracts.definitions import Target
from shared.documents import InvalidDocument
from shared.yaml_values import read_yaml
from sla_monitor.trial.document import EventName, TrialDocument, document_schema
from sla_monitor.trial.target import try_target
from tests.support.trials import plain

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "try-a-target.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def cut_to(shown: Any, answer: Any) -> Any:
    """`answer` with only the fields that `shown` has, so that the two can be compared."""
    match shown, answer:
        case dict(), dict():
            return {name: cut_to(value, answer.get(name)) for name, value in shown.items()}
        case list(), list() if len(shown) == len(answer):
            return [cut_to(one, other) for one, other in zip(shown, answer, strict=True)]
        case _:
            return answer


@pytest.mark.parametrize("example", [0, 1, 2])
def test_a_worked_example_gives_what_the_page_shows(example: int) -> None:
    shown = json.loads(blocks("json")[example])

    answer = plain(try_target(blocks("yaml")[example].encode(), written_in="yaml"))

    assert cut_to(shown, answer) == shown
    assert answer["notes"] == []


def test_what_is_wrong_with_a_document_is_reported_as_the_page_shows() -> None:
    with pytest.raises(InvalidDocument) as refused:
        try_target(blocks("yaml")[3].encode(), written_in="yaml")

    assert str(refused.value) == blocks("text")[0].rstrip()


@pytest.mark.parametrize("example", [0, 1, 2])
def test_the_schema_accepts_the_pages_documents(example: int) -> None:
    schema = jsonschema_rs.validator_for(document_schema())

    assert [error.message for error in schema.iter_errors(read_yaml(blocks("yaml")[example]).value)] == []


@pytest.mark.parametrize(
    "broken",
    [
        {"target": []},
        {"calendar": {"weekly": {"mon": ["9-5"]}}},
        {"targets": [{"measure": "resolution-time", "within": "soon"}]},
        {"events": [{"at": "yesterday", "event": "opened"}]},
        {"events": [{"at": "2026-03-02 09:00", "event": "open"}]},
        {"questions": [{"between": ["2026-03-02 09:00"]}]},
        {"period": "March"},
    ],
)
def test_the_schema_refuses_what_no_document_may_say(broken: dict[str, Any]) -> None:
    assert not jsonschema_rs.validator_for(document_schema()).is_valid(broken)


def test_the_published_schema_is_that_of_the_document() -> None:
    published = json.loads((DOCS / "try-target.schema.json").read_text(encoding="utf-8"))

    assert published == json.loads(json.dumps(document_schema()))


def test_every_section_event_and_setting_of_a_target_is_named_on_the_page() -> None:
    named = set(re.findall(r"`([a-z_-]+)`", PAGE))

    assert named >= set(TrialDocument.__struct_fields__)
    assert named >= set(get_args(EventName))
    assert named >= set(Target.__struct_fields__)
