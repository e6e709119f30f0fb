"""`tallystick compare`: docs/comparing.md does what it shows, on a folder and on servers; bad input is a sentence."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tallystick.command import app
from tallystick.servers import SETTINGS
from tests.support.served import CREDENTIALS, served

DOCS = (Path(__file__).parents[2] / "docs/comparing.md").read_text(encoding="utf-8")
FILES = ("usage.csv", "usage.yaml", "recharges.csv", "recharges.yaml")


def block(name: str) -> str:
    found = re.search(rf"```{re.escape(name)}\n(.*?)```", DOCS, re.DOTALL)
    assert found is not None, name
    return found[1]


def run(folder: Path, *arguments: str, **environment: str) -> Result:
    unset: dict[str, str | None] = dict.fromkeys(SETTINGS)
    settings = unset | {"COLUMNS": "200", "TALLYSTICK_VAR": str(folder / "var")} | environment
    return CliRunner(env=settings).invoke(app, [*arguments])


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("parallel")
    for name in FILES:
        (made / name).write_text(block(name), encoding="utf-8")
    replayed = run(made, "replay", str(made / "usage.csv"), "--mapping", str(made / "usage.yaml"))
    assert replayed.exit_code == 0, replayed.output
    return made


def compared(folder: Path, *options: str, **environment: str) -> Result:
    files = str(folder / "recharges.csv"), "2026-04", "--mapping", str(folder / "recharges.yaml")
    return run(folder, "compare", *files, *options, **environment)


def test_the_page_shows_what_the_command_answers(folder: Path) -> None:
    found = compared(folder)

    assert (found.exit_code, found.stdout) == (0, block("answer"))
    assert re.fullmatch(r"As of \S+Z, as the last replay into \S+ was\.\n", found.stderr)


def test_csv_has_columns_that_sum_to_the_totals(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(compared(folder, "--csv").stdout)))
    total = json.loads(compared(folder, "--json").stdout)["total"]

    def pence(row: dict[str, str], column: str) -> int:
        return int(row[column].replace(".", ""))

    causes = [name for name in rows[0] if name.endswith("_gbp")][3:]
    for row in rows:
        assert sum(pence(row, cause) for cause in causes) == pence(row, "difference_gbp")
    assert sum(pence(row, "difference_gbp") for row in rows) == total["difference_pence"] == -4_000
    assert sum(pence(row, "file_gbp") for row in rows) == total["file_pence"]
    assert sum(pence(row, "tallystick_gbp") for row in rows) == total["tallystick_pence"]


def test_a_file_of_another_year_stands_beside_this_one(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(block("recharges.csv").replace("Apr-26", "Apr-25"), encoding="utf-8")

    files = str(tmp_path / "old.csv"), "2026-04", "--mapping", str(folder / "recharges.yaml")
    found = json.loads(run(folder, "compare", *files, "--file-month", "2025-04", "--json").stdout)

    assert (found["total"]["file_pence"], found["total"]["difference_pence"]) == (1_488_000, -4_000)


def test_several_months_are_compared_in_sums(folder: Path) -> None:
    found = json.loads(compared(folder, "--to", "2026-05", "--json").stdout)

    assert found["total"]["file_pence"] == 1_488_000 + 482_000
    assert found["rows_left_out"] == {"left out by where: Council": 1}
    assert sum(found["by_cause"].values()) == found["total"]["difference_pence"]


def test_a_row_that_cannot_be_read_is_listed_and_ends_the_command_with_1(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(block("recharges.csv").replace("£120.00", "lots"), encoding="utf-8")

    files = str(tmp_path / "old.csv"), "2026-04", "--mapping", str(folder / "recharges.yaml")
    found = run(folder, "compare", *files)

    assert found.exit_code == 1
    assert "refused: line 5: Net: 'lots' is no number" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--to", "2026-03"), "2026-03 is before 2026-04."),
        (("--json", "--csv"), "name one of --json and --csv"),
        (("--to", "2099-12"), "has not begun"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(
    arguments: tuple[str, ...], sentence: str, folder: Path
) -> None:
    found = compared(folder, *arguments)

    assert (found.exit_code, sentence in found.stderr, found.stdout) == (2, True, ""), found.output


def test_a_council_under_another_name_is_named_with_the_one_that_is_meant(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(block("recharges.csv").replace("Worthing", "Worthng"), encoding="utf-8")

    files = str(tmp_path / "old.csv"), "2026-04", "--mapping", str(folder / "recharges.yaml")
    found = run(folder, "compare", *files)

    assert "No statement of 'Worthng' (worthng) was found: did you mean worthing?" in found.stdout


def test_servers_are_asked_for_the_same(folder: Path) -> None:
    with served(folder / "var") as address:
        there = compared(folder, "--json", TALLYSTICK_URL=address, **CREDENTIALS)
    here = compared(folder, "--json")

    assert (there.exit_code, there.stdout) == (0, here.stdout), there.output


def test_servers_without_an_address_are_not_mistaken_for_the_folder(folder: Path) -> None:
    found = compared(folder, BUS_URL="kafka://kafka:9092")

    assert (found.exit_code, "GET /v1/statements?month=2026-04" in found.stderr) == (2, True), found.stderr
