"""docs/replay.md does what it says."""

import re
from pathlib import Path

import pytest

from tallystick.replay.events import EVENT_TYPES
from tallystick.replay.mapping import shipped_mappings
from tests.support.replays import replay

DOCS = (Path(__file__).parents[3] / "docs/replay.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", DOCS, re.DOTALL)


@pytest.mark.parametrize("example", [0, 1])
def test_a_worked_example_prints_what_the_page_shows(example: int, tmp_path: Path) -> None:
    replayed = replay(tmp_path, blocks("yaml")[example], blocks("csv")[example])

    assert list(replayed.counts.lines()) == blocks("text")[example].splitlines()
    assert [f"{rejected.line},{rejected.reason}" for rejected in replayed.rejected] == blocks("rejects")[
        example
    ].splitlines()


def test_every_event_and_every_shipped_mapping_is_named_on_the_page() -> None:
    named = set(re.findall(r"`([a-z0-9-]+)`", DOCS))

    assert named >= set(shipped_mappings())
    assert named >= {name for events in EVENT_TYPES.values() for name in events}
