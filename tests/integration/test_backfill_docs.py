"""docs/backfill.md does what it says."""

import re
from pathlib import Path

from shared.contracts.codec import decode_event
from shared.contracts.envelope import ItemEvent
from shared.contracts.topics import TICKETS
from tests.support.backfills import output_of, work

PAGE = (Path(__file__).parents[2] / "docs/backfill.md").read_text(encoding="utf-8")
DIGEST = re.compile(r"\b[0-9a-f]{64}\b")


def block(kind: str) -> str:
    (found,) = re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_the_worked_example_prints_what_the_page_shows(tmp_path: Path) -> None:
    file = tmp_path / "missing.ndjson"
    file.write_text(block("ndjson"))
    events = [decode_event(line.encode()) for line in block("ndjson").splitlines()[:-1]]
    arrived = [event for event in events if event.id in {"T-1:opened", "T-1:resolved"}]
    work(tmp_path / "var", [(TICKETS, event) for event in arrived if isinstance(event, ItemEvent)])

    shown = output_of(tmp_path / "var", file)

    # The digest is also of the shipped example, whose illustrative figures may change.
    assert DIGEST.sub("…", shown) == DIGEST.sub("…", block("text"))
