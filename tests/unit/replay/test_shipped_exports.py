"""Mappings for the default exports of service desks: each reads a small made-up export, and names its source."""

import re
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shared.contracts.items import TicketOpened, TicketResponded
from tallystick.command import app
from tallystick.replay.mapping import read_mapping, shipped_mappings
from tallystick.replay.suggested import suggest
from tests.support.replays import Replayed, mapping_of, replay_file
from tests.support.shipped_exports import sample

EXPECTED = {
    "servicenow": {"opened": 3, "resolved": 1, "closed": 2},
    "jira-service-management": {"opened": 2, "resolved": 1},
    "zendesk": {"opened": 2, "responded": 1, "resolved": 1},
    "glpi": {"opened": 2, "resolved": 1, "closed": 1},
    "zammad": {"opened": 2, "responded": 1, "resolved": 1},
    "fixmystreet": {"opened": 3, "responded": 2, "resolved": 1, "closed": 1},
    "council-spend": {"recorded": 3},
}


def replayed(name: str, folder: Path) -> Replayed:
    return replay_file(read_mapping(name, lookups={}), sample(name, folder))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_mapping_reads_an_export_of_its_kind(name: str, tmp_path: Path) -> None:
    found = replayed(name, tmp_path)

    assert found.rejected == []
    assert Counter(found.names) == EXPECTED[name]
    assert found.counts.unaccounted == 0


@pytest.mark.parametrize("name", EXPECTED)
def test_the_mapping_names_where_its_columns_were_read(name: str) -> None:
    text = (resources.files("tallystick") / "mappings" / f"{name}.yaml").read_text(encoding="utf-8")

    assert re.search(r"https://(github\.com/\S+/\S+,|www\.eastcambs\.gov\.uk/|support\.zendesk\.com/)", text)
    assert "read 2026-11" in text


def test_a_deadline_of_glpi_is_the_one_that_it_recorded(tmp_path: Path) -> None:
    opened = [each for each in replayed("glpi", tmp_path).events if isinstance(each, TicketOpened)]

    assert [(each.subject, each.council, str(each.data.due_at)) for each in opened] == [
        ("1-204", "root-entity-adur", "2026-03-04 09:00:00+00:00"),
        ("1-205", "root-entity-worthing", "None"),
    ]


def test_a_first_reply_of_zendesk_is_its_minutes_after_the_opening(tmp_path: Path) -> None:
    replied = [each for each in replayed("zendesk", tmp_path).events if isinstance(each, TicketResponded)]

    # In the night of 29 March 2026 the clocks went forward at 1am: 100 minutes after 11:50pm it was 2:30am.
    assert [str(each.time) for each in replied] == ["2026-03-29 01:30:00+00:00"]


@pytest.mark.parametrize(("name", "items"), [("jira-service-management", ["SD-1", "SD-2"]), ("zendesk", ["71", "72"])])
def test_without_a_shipped_mapping_one_is_suggested_that_runs(name: str, items: list[str], tmp_path: Path) -> None:
    export = sample(name, tmp_path)

    suggestion = suggest(export, zone="Europe/London")

    assert suggestion.undecided == ()
    found = replay_file(mapping_of(tmp_path, suggestion.text), export)
    assert (found.rejected, Counter(found.names)) == ([], {"opened": 2, "resolved": 1})
    assert sorted(each.subject for each in found.events if isinstance(each, TicketOpened)) == items


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["map", *arguments])
    return result.exit_code, result.output


def test_shipped_mappings_are_listed_with_what_they_are_about() -> None:
    code, printed = run("--list")

    assert code == 0
    assert [line.split("  ")[0] for line in printed.splitlines()[1:]] == shipped_mappings()
    assert all(len(line.split("  ", 1)[1].strip()) > 20 for line in printed.splitlines()[1:])


def test_a_shipped_mapping_is_written_to_be_changed(tmp_path: Path) -> None:
    assert run("--shipped", "glpi", "--to", str(tmp_path / "mine.yaml"))[0] == 0

    assert read_mapping(str(tmp_path / "mine.yaml"), lookups={}).content == read_mapping("glpi", lookups={}).content


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--shipped", "servicenov"), "did you mean servicenow"),
        ((), "name an export"),
        (("--list", "--shipped", "glpi"), "name an export"),
    ],
)
def test_what_cannot_be_mapped_is_refused_in_a_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    code, printed = run(*arguments)

    assert (code, sentence in " ".join(printed.replace("│", " ").split())) == (2, True), printed
