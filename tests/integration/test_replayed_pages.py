"""Pages, explain, what-if and evidence say of a replayed folder what the verdict file says: as of the same instant."""

import asyncio
import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner, Result

from tallystick.command import app
from tallystick.replay.export_register import judged_as_of
from tallystick.replayed_pages import PagesLink, pages_application
from tallystick.stack import open_as_judged
from tests.support.replays import ACTIVITIES

pytestmark = pytest.mark.usefixtures("unprinted_logs")
AS_OF = "2026-03-05T12:00:00Z"
MAPPING = """
trial:
  title: Trial
  provider: {id: desk, name: Desk}
  targets:
    - {id: answer, service: ict, measure: response-time, within: 2 hours}
    - {id: fix, service: ict, measure: resolution-time, within: 3 days, reopen: new-cycle}
"""
PRICED = """  tariffs:
    - id: ict
      name: ICT
      service: ict
      illustrative: true
      charges: [{kind: standing, name: Desk, monthly_gbp: "7.00"}]
"""
# Met; late; open and late; open and in time; paused; reopened, so that it has two cycles; opened after the instant.
EXPORT = """ticket,did,at
met,Open,2026-03-02T09:00:00
met,Fix,2026-03-02T10:00:00
late,Open,2026-02-20T09:00:00
late,Fix,2026-02-27T10:00:00
overdue,Open,2026-03-01T09:00:00
open,Open,2026-03-05T09:00:00
waiting,Open,2026-03-04T09:00:00
waiting,Wait,2026-03-04T10:00:00
again,Open,2026-03-02T09:00:00
again,Fix,2026-03-02T10:00:00
again,Work,2026-03-04T10:00:00
again,Fix,2026-03-04T11:00:00
later,Open,2026-03-05T13:00:00
"""
MONTHS = ("2026-02", "2026-03")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("replayed")
    assert replay(made, "--as-of", AS_OF).exit_code == 0
    return made


def replay(folder: Path, *options: str, mapping: str = MAPPING) -> Result:
    (folder / "mapping.yaml").write_text(ACTIVITIES.replace("[Note]", "[Note, Open]") + mapping, encoding="utf-8")
    (folder / "export.csv").write_text(EXPORT, encoding="utf-8")
    given = str(folder / "export.csv"), "--mapping", str(folder / "mapping.yaml")
    return command(folder, "replay", *given, "--verdicts", str(folder / "verdicts.csv"), *options)


def command(folder: Path, *arguments: str) -> Result:
    env = {"TALLYSTICK_VAR": str(folder / "var"), "COLUMNS": "200"}
    return CliRunner(env=env).invoke(app, arguments)


def in_file(folder: Path) -> dict[str, list[dict[str, str]]]:
    """The lines of the verdict file by item."""
    found: dict[str, list[dict[str, str]]] = {}
    with (folder / "verdicts.csv").open(encoding="utf-8", newline="") as text:
        for line in csv.DictReader(text):
            found.setdefault(line["item"], []).append(line)
    return found


@contextmanager
def browser(folder: Path, *, opened: bool = True) -> Iterator[TestClient]:
    """A browser on the folder's pages, in which the link was opened."""
    link = PagesLink("http://localhost")

    def run() -> Iterator[TestClient]:
        with asyncio.Runner() as runner:
            opening = open_as_judged(folder / "var")
            stack = runner.run(opening.__aenter__())
            runner.run(stack.monitor.catch_up())
            served = pages_application(stack, judged_as_of(folder / "var"), link)
            client = TestClient(served, base_url="http://localhost", headers={"Accept": "text/html"})
            if opened:
                assert client.get(str(link)).status_code == 200
            yield client
            runner.run(opening.__aexit__(None, None, None))

    yield from run()


def figures(verdict: dict[str, Any]) -> dict[str, str]:
    """What the verdict file has of a verdict, as text."""
    names = ("target", "cycle", "verdict", "due_at", "stopped_at", "elapsed_s", "margin_s")
    return {name: "" if verdict.get(name) is None else str(verdict[name]) for name in names}


def test_pages_and_explain_say_of_each_item_what_the_verdict_file_says(folder: Path) -> None:
    lines = in_file(folder)
    assert {each["verdict"] for item in lines.values() for each in item} >= {"met", "breached", "running"}

    with browser(folder) as client:
        for item, expected in lines.items():
            shown = client.get(f"/v1/items/{item}", headers={"Accept": "application/json"}).json()
            explained = json.loads(command(folder, "explain", item, "--json").stdout)
            page = client.get(f"/items/{item}", params={"council": "adur"})

            wanted = [figures(each) for each in expected if each["target"]]
            assert [figures(each) for each in shown["verdicts"]] == wanted
            assert [figures(each) for each in explained["verdicts"]] == wanted
            assert shown["as_of"] == explained["as_of"] == AS_OF
            assert page.status_code == 200
            assert page.text.count('id="verdict-') == len(wanted)


@pytest.mark.parametrize(
    "path",
    ["/", "/today", "/attainment?month=2026-03", "/statements", "/queries", "/items/met", "/nothing"],
)
def test_every_page_says_as_of_when_it_is(path: str, folder: Path) -> None:
    with browser(folder) as client:
        assert "As of 5 March 2026 at midday." in client.get(path).text


def test_attainment_counts_what_the_verdict_file_has(folder: Path) -> None:
    decided = [each["verdict"] for lines in in_file(folder).values() for each in lines]
    met, late = decided.count("met"), decided.count("breached")

    with browser(folder) as client:
        asked = [client.get("/v1/attainment", params={"month": month}).json()["items"] for month in MONTHS]
    printed = [json.loads(command(folder, "attainment", "--month", month, "--json").stdout) for month in MONTHS]

    for rows in ([row for month in asked for row in month], [row for month in printed for row in month]):
        assert (sum(row["good"] for row in rows), sum(row["total"] for row in rows)) == (met, met + late)


def test_a_total_without_vat_is_not_shown_as_one_with_it(tmp_path: Path) -> None:
    replay(tmp_path, "--as-of", AS_OF, mapping=MAPPING + PRICED)

    with browser(tmp_path) as client:
        assert "£7.00, VAT not known" in client.get("/statements?month=2026-03").text


@pytest.mark.parametrize(("as_of", "month"), [("2026-03-05T12:00:00Z", "2026-03"), ("2026-03-01T00:00:00Z", "2026-02")])
def test_the_present_month_of_a_replayed_folder_is_that_of_its_instant(as_of: str, month: str, tmp_path: Path) -> None:
    replay(tmp_path, "--as-of", as_of)

    named = command(tmp_path, "attainment", "--month", month, "--json")
    unnamed = command(tmp_path, "attainment", "--json")

    assert json.loads(named.stdout)
    assert (unnamed.exit_code, unnamed.stdout) == (0, named.stdout)


def test_evidence_holds_the_verdicts_of_the_file_and_verifies(folder: Path) -> None:
    found: list[tuple[str, ...]] = []
    for month in MONTHS:
        path = folder / f"{month}.ndjson"
        assert command(folder, "export", "evidence", "adur", month, "--to", str(path)).exit_code == 0
        assert command(folder, "verify", str(path)).exit_code == 0
        records = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        verdicts = [(each["item"], each["verdict"]) for each in records if each["record"] == "verdict"]
        found += [(item, each["target"], each["outcome"], each["due_at"]) for item, each in verdicts]

    decided = [
        (item, line["target"], line["verdict"], line["due_at"])
        for item, lines in in_file(folder).items()
        for line in lines
        if line["verdict"] in {"met", "breached"}
    ]
    assert sorted(found) == sorted(decided)


def test_what_if_with_the_draft_that_holds_changes_nothing(folder: Path) -> None:
    draft = folder / "draft.yaml"
    targets = MAPPING[MAPPING.index("    - {id: answer") :]
    draft.write_text(f"targets:\n{targets}", encoding="utf-8")

    found = command(folder, "what-if", str(draft), "--from", "2026-02", "--to", "2026-03", "--json")

    assert found.exit_code == 0, found.stderr
    assert json.loads(found.stdout)["changed"] == 0


def test_a_replay_without_an_instant_is_as_of_its_own_for_whoever_asks_later(tmp_path: Path) -> None:
    assert replay(tmp_path).exit_code == 0
    as_of = judged_as_of(tmp_path / "var")
    assert as_of is not None

    explained = json.loads(command(tmp_path, "explain", "overdue", "--json").stdout)

    assert explained["as_of"] == f"{as_of:%Y-%m-%dT%H:%M:%SZ}"
    wanted = [figures(each) for each in in_file(tmp_path)["overdue"]]
    assert [figures(each) for each in explained["verdicts"]] == wanted


def test_nobody_sees_a_page_who_has_not_opened_the_link(folder: Path) -> None:
    with browser(folder, opened=False) as client:
        for path in ("/", "/items/met", "/sign-in/start?key=guessed"):
            answered = client.get(path)
            assert (answered.status_code, "Open the link of the command" in answered.text) == (403, True)
        assert client.get("/v1/items/met", headers={"Accept": "application/json"}).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/exclusions", {"council": "adur", "reason": "x"}),
        ("/v1/correction-runs", {}),
        ("/v1/closings/2026-02/issues", {}),
        ("/v1/payments", {}),
    ],
)
def test_nobody_changes_anything_there(path: str, body: dict[str, str], folder: Path) -> None:
    with browser(folder) as client:
        assert client.post(path, json=body, headers={"Accept": "application/json"}).status_code == 403
