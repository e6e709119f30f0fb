"""The oracle of the fault runs shares no code with what it judges."""

import ast
from pathlib import Path

import pytest

ORACLE = Path(__file__).parents[1] / "chaos/oracle"
OURS = frozenset({"shared", "catalogue", "sla_monitor", "billing", "tallystick"})


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
