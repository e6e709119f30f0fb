"""Names and prose keep to the words of vocabulary.toml, but for what vocabulary_allowed.txt excuses."""

import ast
import fnmatch
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.architecture.test_shape import ROOT, TRACKED

HERE = Path(__file__).parent
PROSE_FILES = ("*.md", "*.jinja", "*.html", "*.typ", "*.yml", "*.yaml", "*.sh", "Makefile")
SELF = "tests/architecture/"
WORDS = tomllib.loads((HERE / "vocabulary.toml").read_text(encoding="utf-8"))
IDENTIFIERS: dict[str, str] = WORDS["identifiers"]
PROSE: dict[str, str] = WORDS["prose"]
IDENTIFIER_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


class Allowed(NamedTuple):
    """What one line of the allow-list excuses, and why."""

    path: str
    word: str
    reason: str


class Use(NamedTuple):
    """A word that is not ours, where it stands."""

    path: str
    line: int
    text: str
    word: str


def allowed() -> list[Allowed]:
    lines = (HERE / "vocabulary_allowed.txt").read_text(encoding="utf-8").splitlines()
    rows = [[part.strip() for part in line.split("|")] for line in lines if line and not line.startswith("#")]
    return [Allowed(*row) for row in rows]


ALLOWED = allowed()
PYTHON = [name for name in TRACKED if name.endswith(".py") and not name.startswith(SELF)]
PRODUCT = [name for name in PYTHON if not name.startswith("tests/")]
TEXTS = [name for name in TRACKED if any(fnmatch.fnmatch(Path(name).name, pattern) for pattern in PROSE_FILES)]


def test_no_name_in_code_uses_a_private_word() -> None:
    assert reported(use for name in PYTHON for use in identifiers(name)) == []


def test_no_sentence_uses_a_private_word() -> None:
    in_code = (use for name in PRODUCT for use in strings(name))
    in_texts = (use for name in TEXTS for use in sentences(name))

    assert reported([*in_code, *in_texts]) == []


def test_every_class_name_means_one_class() -> None:
    places: dict[str, list[str]] = {}
    for name in PRODUCT:
        for node in ast.walk(tree(name)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)

    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_the_allow_list_gives_a_reason_for_each_line_and_holds_none_that_excuses_nothing() -> None:
    found = [use for name in PYTHON for use in identifiers(name)]
    found += [use for name in PRODUCT for use in strings(name)] + [use for name in TEXTS for use in sentences(name)]

    assert [line for line in ALLOWED if len(line.reason) < 10] == []
    assert [line for line in ALLOWED if not any(excuses(line, use) for use in found)] == []


@pytest.mark.parametrize("name", ["told_position", "isRetold", "Shelf", "HOLD_ON_TOLD"])
def test_a_private_word_is_found_inside_a_name(name: str) -> None:
    assert set(words_of(name)) & IDENTIFIERS.keys()


def reported(uses: Iterator[Use] | list[Use]) -> list[str]:
    """Each use that no line of the allow-list excuses, with what to write instead."""
    wrong = {use for use in uses if not any(excuses(line, use) for line in ALLOWED)}
    instead = {**PROSE, **IDENTIFIERS}
    return [
        f"{use.path}:{use.line}: {use.text}: instead of '{use.word}' use {instead[use.word]}" for use in sorted(wrong)
    ]


def excuses(line: Allowed, use: Use) -> bool:
    return fnmatch.fnmatch(use.path, line.path) and line.word in {"*", use.word, use.text}


def identifiers(name: str) -> Iterator[Use]:
    """Names that the file defines: classes, functions, parameters, variables, attributes and the file itself."""
    for word in words_of(Path(name).stem):
        if word in IDENTIFIERS:
            yield Use(name, 1, Path(name).name, word)
    for node in ast.walk(tree(name)):
        defined = defined_name(node)
        for word in words_of(defined or ""):
            if word in IDENTIFIERS and not (defined or "").startswith("test_"):
                yield Use(name, getattr(node, "lineno", 1), defined or "", word)


def defined_name(node: ast.AST) -> str | None:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            return name
        case _:
            return None


def words_of(name: str) -> list[str]:
    return [word.lower() for word in IDENTIFIER_WORD.findall(name)]


def strings(name: str) -> Iterator[Use]:
    """Docstrings, messages and whatever else is text in the file."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from private_words(name, node.lineno, node.value)


def sentences(name: str) -> Iterator[Use]:
    for number, line in enumerate((ROOT / name).read_text(encoding="utf-8").splitlines(), start=1):
        yield from private_words(name, number, line)


def private_words(name: str, line: int, text: str) -> Iterator[Use]:
    plain = " ".join(text.lower().split())
    for word in PROSE:
        found = re.search(rf"\b{re.escape(word)}\b", plain)
        if found:
            yield Use(name, line, plain[max(found.start() - 30, 0) : found.end() + 30], word)


@cache
def tree(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))
