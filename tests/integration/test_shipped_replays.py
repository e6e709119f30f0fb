"""A default export of each system goes from its file to verdicts by the shipped mapping, and by a suggested one."""

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tallystick.command import app
from tests.support.shipped_exports import sample

pytestmark = pytest.mark.usefixtures("unprinted_logs")
AS_OF = "2026-08-01T00:00:00Z"
# Worked by hand: five days from Sunday 29 March 2026, 2:30am of summer time, end on Friday 3 April at 2:30am; one day
# from Saturday 28 March, 11:50pm of winter time, ends on Sunday at 11:50pm of summer time.
VERDICTS = {
    "servicenow": [
        "INC0010001 resolution met 2026-03-07T09:00:00Z",
        "INC0010003 resolution met 2026-03-08T10:00:00Z",
        "INC0010002 resolution breached 2026-04-03T01:30:00Z",
    ],
    "jira-service-management": [
        "SD-1 resolution met 2026-07-04T08:00:00Z",
        "SD-2 resolution breached 2026-07-05T11:15:00Z",
    ],
    "zendesk": [
        "71 response met 2026-03-29T22:50:00Z",
        "71 resolution met 2026-04-02T22:50:00Z",
        "72 response breached 2026-03-03T10:00:00Z",
        "72 resolution breached 2026-03-07T10:00:00Z",
    ],
    "glpi": ["1-204 resolution met 2026-03-04T09:00:00Z", "1-205 resolution out-of-scope "],
    "zammad": [
        "20001 response met 2026-03-03T09:00:00Z",
        "20001 resolution met 2026-03-07T09:00:00Z",
        "20002 response breached 2026-03-03T10:00:00Z",
        "20002 resolution breached 2026-03-07T10:00:00Z",
    ],
    "fixmystreet": [
        "81 acknowledgement met 2026-03-07T09:00:00Z",
        "81 repair met 2026-03-22T09:00:00Z",
        "82 acknowledgement breached 2026-03-07T11:01:00Z",
        "82 repair breached 2026-03-22T11:01:00Z",
        "83 acknowledgement met 2026-03-09T11:01:00Z",
        "83 repair met 2026-03-24T11:01:00Z",
    ],
    "council-spend": [],
}


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner(env={"TALLYSTICK_VAR": str(folder / "var"), "COLUMNS": "200"}).invoke(app, [*arguments])


def verdicts(folder: Path, export: Path, mapping: str) -> list[str]:
    """Item, target, verdict and deadline of each line of the verdict file."""
    file = folder / "verdicts.csv"
    result = run(folder, "replay", str(export), "--mapping", mapping, "--as-of", AS_OF, "--verdicts", str(file))
    assert result.exit_code == 0, result.output
    with file.open(encoding="utf-8", newline="") as text:
        return [" ".join((row["item"], row["target"], row["verdict"], row["due_at"])) for row in csv.DictReader(text)]


@pytest.mark.parametrize("name", VERDICTS)
def test_the_shipped_mapping_leads_to_the_verdicts_that_follow_by_hand(name: str, tmp_path: Path) -> None:
    assert verdicts(tmp_path, sample(name, tmp_path), name) == VERDICTS[name]


def test_three_lines_of_spending_are_billed_by_the_shipped_tariff(tmp_path: Path) -> None:
    verdicts(tmp_path, sample("council-spend", tmp_path), "council-spend")

    statement = run(tmp_path, "statement", "ashby-district-council", "2026-04")

    assert "£1.80" in statement.output


@pytest.mark.parametrize("name", [name for name in VERDICTS if name != "council-spend"])
def test_a_suggested_mapping_leads_from_the_same_file_to_verdicts(name: str, tmp_path: Path) -> None:
    export, mapping = sample(name, tmp_path), tmp_path / "mine.yaml"

    suggested = run(tmp_path, "map", str(export), "--to", str(mapping))

    assert suggested.exit_code == 0, suggested.output
    items = {line.split(" ")[0] for line in VERDICTS[name]}
    assert {line.split(" ")[0] for line in verdicts(tmp_path, export, str(mapping))} == items
