"""The file in the documentation can be loaded."""

from datetime import UTC, datetime
from pathlib import Path

from catalogue.adapters.partnership_files import parse
from catalogue.domain import validation
from shared.holidays import shipped_holidays

PAGE = Path(__file__).parents[3] / "docs" / "partnership-files.md"


def test_the_small_file_of_the_documentation_is_whole() -> None:
    text = PAGE.read_text().split("```yaml\n")[1].split("```")[0]

    submission = parse(text.encode())

    assert validation.faults(submission, {}, shipped_holidays(), datetime(2026, 4, 1, tzinfo=UTC)) == []
    assert len(submission.entries) == 9
