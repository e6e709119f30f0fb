"""What holds of every file that is tracked: sizes that fit a head, and nothing that belongs to one machine."""

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
SHORT_FILE = 25
MOST_SHORT_FILES = 1 / 15
# Failed items are an idea of their own: what judging does about them, and what people do. So is the order of facts of
# one instant. So is the archive of ended items: its rules, its table, and the way there and
# back. So are the items behind a count. So are marks: when one is due, and how it is made.
MOST_MONITOR_FILES = 84
# A lock or a script with such an address would fetch from there, whatever index the reader has chosen.
INDEX_HOSTS = re.compile(rb"\b(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|proxy\.golang\.org|index-url)\b")
# The official image of Kafka has its tools under /opt/kafka, on every machine.
MACHINE_PATHS = re.compile(rb"(?<![\w.])(?!/opt/kafka/)/(home|Users|root|work|opt|mnt)/[A-Za-z0-9_.-]+")
# The Makefile tells the resolver not to write addresses into the lock.
MAY_NAME_THE_OPTION = {"Makefile", "tests/architecture/test_shape.py"}


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


TRACKED = tracked()
PRODUCT = [name for name in TRACKED if name.endswith(".py") and not name.startswith("tests/")]

FILES_OF_THEIR_OWN = [name for name in PRODUCT if not name.endswith(("/__init__.py", "/__main__.py"))]


def test_no_file_of_the_product_is_longer_than_400_lines() -> None:
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in PRODUCT}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_of_the_product_is_longer_than_60_lines() -> None:
    lengths = {where: lines for name in PRODUCT for where, lines in functions(name)}

    assert {where: lines for where, lines in lengths.items() if lines > LONGEST_FUNCTION} == {}


def test_most_functions_of_the_product_are_short() -> None:
    lengths = [lines for name in PRODUCT for _, lines in functions(name)]

    assert 3 <= statistics.median(lengths) <= 6


def test_an_idea_is_not_scattered_over_many_small_files() -> None:
    lengths = {name: len((ROOT / name).read_text(encoding="utf-8").splitlines()) for name in FILES_OF_THEIR_OWN}
    short = [name for name, lines in lengths.items() if lines < SHORT_FILE]
    monitor = [name for name in FILES_OF_THEIR_OWN if name.startswith("services/sla-monitor/")]

    assert len(short) <= len(lengths) * MOST_SHORT_FILES, short
    assert len(monitor) <= MOST_MONITOR_FILES, monitor


@pytest.mark.parametrize("pattern", [INDEX_HOSTS, MACHINE_PATHS], ids=["package index", "machine path"])
def test_no_tracked_file_names_a_package_index_or_a_place_on_one_machine(pattern: re.Pattern[bytes]) -> None:
    found = {name: pattern.findall((ROOT / name).read_bytes()) for name in TRACKED if name not in MAY_NAME_THE_OPTION}

    assert {name: hits for name, hits in found.items() if hits} == {}


def test_the_licence_is_there_and_every_package_names_it() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    for name in TRACKED:
        if name.endswith("/pyproject.toml"):
            assert 'license = "Apache-2.0"' in (ROOT / name).read_text(encoding="utf-8"), name


def functions(name: str) -> Iterator[tuple[str, int]]:
    """Each function of a file, as `file:name`, and how many lines it has."""
    for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            yield f"{name}:{node.name}", node.end_lineno - node.lineno + 1
