"""Who may import whom: the layers of the product, and the oracle of the fault runs, which shares no code with it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORACLE = ROOT / "tests" / "chaos" / "oracle"
OURS = frozenset({"shared", "catalogue", "sla_monitor", "billing", "tallystick"})


def test_no_import_crosses_a_border() -> None:
    linter = Path(sys.executable).with_name("lint-imports")

    found = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("module", sorted(ORACLE.glob("*.py")), ids=lambda module: module.stem)
def test_the_oracle_imports_nothing_of_the_services(module: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or ".")

    ours = {name for name in imported if name.partition(".")[0] in OURS}
    of_tests = {name for name in imported if name.startswith("tests.") and not name.startswith("tests.chaos.oracle.")}
    assert ours | of_tests == set()
