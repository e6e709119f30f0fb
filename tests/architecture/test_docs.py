"""Every page can be found, every link leads somewhere, and decisions are written down in one form."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
DECISIONS = sorted((DOCS / "adr").glob("*.md"))
LONGEST_DECISION = 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_file_leads_to_one(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_in_the_index_and_every_runbook_in_the_list_of_alerts() -> None:
    listed = set(re.findall(r"\]\(([^)]+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8")))
    runbooks = set(re.findall(r"\]\((runbooks/[^)]+\.md)\)", (DOCS / "alerts.md").read_text(encoding="utf-8")))

    assert {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")} - {"README.md"} == listed | runbooks


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_teaches_its_context_and_tells_its_cost(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert text.startswith(f"# {int(page.name[:4])}. ")
    assert re.findall(r"^(?:## )?(Status|Context|Decision|Consequences)", text, re.MULTILINE) == [
        "Status",
        "Context",
        "Decision",
        "Consequences",
    ]
    assert "Cost: " in text
    assert len(text.splitlines()) <= LONGEST_DECISION


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_architecture_page_names_places_that_exist() -> None:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("## I want to change X")[2]
    named = [
        place for row in table.splitlines() if row.startswith("|") for place in re.findall(r"`([^`]+/[^`]*)`", row)
    ]

    assert len(named) > 15
    assert [place for place in named if not (ROOT / place).exists()] == []
