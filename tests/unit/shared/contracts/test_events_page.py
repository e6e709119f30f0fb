"""docs/events.md shows what the contracts say."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from shared.contracts.access import AccessEvent
from shared.contracts.audit import AuditRecorded
from shared.contracts.catalogue import CatalogueEvent
from shared.contracts.decisions import DecisionEvent
from shared.contracts.envelope import Event, TimeAdvanced
from shared.contracts.items import FactWithdrawn, TicketEvent, WorkEvent
from shared.contracts.proposals import ProposalUpdated
from shared.contracts.schema import event_types, examples
from shared.contracts.statements import SealingKeyPublished, StatementEvent
from shared.contracts.topics import (
    AUDIT,
    CATALOGUE,
    DECISIONS,
    STATEMENTS,
    TICKETS,
    TOPICS,
    USAGE,
    VERDICTS,
    WORK,
    Topic,
)
from shared.contracts.usage import UsageEvent
from shared.contracts.verdicts import VerdictEvent

PAGE = (Path(__file__).parents[4] / "docs" / "events.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"^#### `(\S+)`\n(.*?)(?=^#|\Z)", PAGE, re.DOTALL | re.MULTILINE))
CARRIED = [
    (TICKETS, get_args(TicketEvent)),
    (WORK, get_args(WorkEvent)),
    (USAGE, get_args(UsageEvent)),
    (CATALOGUE, [*get_args(CatalogueEvent), *get_args(AccessEvent), ProposalUpdated]),
    (DECISIONS, get_args(DecisionEvent)),
    (VERDICTS, get_args(VerdictEvent)),
    (STATEMENTS, [*get_args(StatementEvent), SealingKeyPublished]),
    (AUDIT, [AuditRecorded]),
]


def test_the_page_shows_every_type_and_no_other() -> None:
    assert sorted(SHOWN) == sorted(event_types())


@pytest.mark.parametrize("name", sorted(event_types()))
def test_a_type_is_explained_and_its_example_is_the_one_of_the_contract(name: str) -> None:
    words, _, block = SHOWN[name].partition("```json\n")

    assert words.strip()
    assert json.loads(block.split("```")[0]) == examples()[name]


@pytest.mark.parametrize(("topic", "types"), CARRIED, ids=[topic.name for topic, _ in CARRIED])
def test_a_type_stands_under_the_topic_that_carries_it(topic: Topic, types: list[type[Event]]) -> None:
    section = re.search(rf"^Topic `{re.escape(topic.name)}`.*?(?=^###? |\Z)", PAGE, re.DOTALL | re.MULTILINE)

    assert section is not None
    assert topic.key in section[0].splitlines()[0].replace("`", "")
    assert re.findall(r"^#### `(\S+)`", section[0], re.MULTILINE) == [type_.__struct_config__.tag for type_ in types]


def test_every_topic_carries_something_and_every_type_but_two_has_one_topic() -> None:
    carried = [type_ for _, types in CARRIED for type_ in types]

    assert [topic for topic, _ in CARRIED] == list(TOPICS)
    assert sorted(map(str, [*carried, FactWithdrawn, TimeAdvanced])) == sorted(map(str, event_types().values()))


def test_the_table_of_topics_is_the_list_of_topics() -> None:
    rows = [
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if re.match(r"\| `\w+\.\w+\.v\d+` ", line)
    ]

    assert rows == [
        [
            topic.name,
            topic.key,
            str(topic.partitions),
            "for ever (compacted)" if topic.retention_days is None else f"{topic.retention_days} days",
            ", ".join(topic.written_by),
            ", ".join(topic.read_by),
        ]
        for topic in TOPICS
    ]
