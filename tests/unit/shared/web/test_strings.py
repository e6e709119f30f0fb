"""The strings of the pages: one file, every key used, every used key there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from markupsafe import Markup

from billing.domain.usage import UnbilledReason
from shared.contracts.definitions import MembersSee
from shared.contracts.objectives import Judgement
from shared.web.charts.timeline import TimelineSegmentKind
from shared.web.strings import markup, strings, text, with_code
from sla_monitor.domain.clock.verdict import Outcome

ROOT = Path(__file__).parents[4]
FOLDERS = ("shared", "services", "deploy/local")
SECTIONS = (
    "layout",
    "home",
    "attainment",
    "item",
    "chart",
    "outcome",
    "statement",
    "partnership",
    "absence",
    "unbilled",
    "verdicts",
    "licences",
    "accessibility",
)
# Templates write `t("section.key")`, Python `text("section.key")`, a PDF's `t("key")`: of its own section,
# or of the statement's.
KEY = re.compile(rf"""["']((?:{"|".join(SECTIONS)})\.(?!html)[a-z_-]+)["']""")
# The name of an event in a log has the same form.
LOGGED = re.compile(r'log\.\w+\(\s*"[^"]+"')
PDF_KEY = re.compile(r'\bt\("([a-z_]+)"')
BY_VALUE = {
    "home.page",
    "home.pdf",
    "home.csv",
    "verdicts.all",
    "verdicts.met",
    "verdicts.breached",
    *(f"partnership.sees_{level}" for level in get_args(MembersSee) if level != "none"),
}
BY_NAME = ("outcome.", "chart.", "absence.", "unbilled.")  # sections with a key for each value of a type


def keys() -> set[str]:
    return {f"{section}.{name}" for section in SECTIONS for name in strings(section)}


def used() -> Iterator[str]:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".html", ".py"}:
                yield from KEY.findall(LOGGED.sub("", path.read_text(encoding="utf-8")))
            if path.suffix == ".typ":
                own = f"{path.stem}." if path.stem in SECTIONS else "statement."
                names = PDF_KEY.findall(path.read_text(encoding="utf-8"))
                yield from (f"{own}{name}" if f"{own}{name}" in keys() else f"statement.{name}" for name in names)


def test_every_string_is_used_and_every_used_one_is_in_the_file() -> None:
    found = set(used()) | BY_VALUE | {key for key in keys() if key.startswith(BY_NAME)}

    assert found - keys() == set()
    assert keys() - found == set()


@pytest.mark.parametrize(
    "key",
    [
        *(f"outcome.{value.replace(' ', '-')}" for value in (*Judgement, *Outcome)),
        *(f"chart.{kind}" for kind in get_args(TimelineSegmentKind)),
        *(f"unbilled.{reason}" for reason in get_args(UnbilledReason)),
    ],
)
def test_every_value_that_pages_show_has_a_string(key: str) -> None:
    assert text(key)


def test_a_template_holds_no_words_of_its_own() -> None:
    templates = [
        path for folder in ("shared", "services", "deploy") for path in (ROOT / folder).rglob("templates/*.html")
    ]
    words = [
        (path.name, word)
        for path in templates
        for word in re.findall(r"[A-Za-z]{3,}", _visible(path.read_text(encoding="utf-8")))
    ]

    assert {word for _, word in words} == {"Tallystick"}, words


def _visible(template: str) -> str:
    """What is left of a template without its comments, expressions and tags."""
    without_code = re.sub(r"{#.*?#}|{%.*?%}|{{.*?}}", " ", template, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", without_code, flags=re.DOTALL)


def test_a_string_follows_its_count_and_writes_numbers_as_people_read_them() -> None:
    assert text("attainment.met", met=1, count=1) == "1 of 1 target met."
    assert text("attainment.met", met=1200, count=1500) == "1,200 of 1,500 targets met."


def test_values_are_escaped_in_html_unless_they_are_markup_and_plain_in_text() -> None:
    assert markup("item.heading", item="<b>") == "Item &lt;b&gt;"
    assert markup("item.heading", item=Markup("<b>")) == "Item <b>"
    assert text("item.heading", item="<b>") == "Item <b>"


@pytest.mark.parametrize("key", ["item.nothing", "nothing.title", "item.heading"])
def test_an_unknown_key_or_a_missing_value_is_an_error(key: str) -> None:
    with pytest.raises(KeyError):
        text(key)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("no code", "no code"),
        ("`a<b` of it", '<code class="tally-code">a&lt;b</code> of it'),
        ("both `a` and `b`", 'both <code class="tally-code">a</code> and <code class="tally-code">b</code>'),
        ("a ` & one", "a ` &amp; one"),
        ("", ""),
    ],
)
def test_what_is_between_backticks_is_shown_as_code(sentence: str, shown: str) -> None:
    assert str(with_code(sentence)) == shown
