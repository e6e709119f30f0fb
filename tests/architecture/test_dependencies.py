"""Each package imports what its own pyproject.toml names, and nothing that only a neighbour brings along."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from shared.log.failures import PRODUCT_VERSION
from tallystick import __version__

ROOT = Path(__file__).parents[2]
PROJECTS = ["shared", "services/catalogue", "services/sla-monitor", "services/billing", "deploy/local"]
OURS = {
    "shared": "tallystick-shared",
    "catalogue": "tallystick-catalogue",
    "sla_monitor": "tallystick-sla-monitor",
    "billing": "tallystick-billing",
    "tallystick": "tallystick-local",
}


@pytest.mark.parametrize("project", PROJECTS)
def test_what_a_package_imports_its_pyproject_names(project: str) -> None:
    unnamed = {module for module in imported(project) if not distributions(module) & named(project)}

    assert unnamed == set()


def test_every_package_has_the_version_that_failures_are_kept_with() -> None:
    versions = {project: pyproject(project)["project"]["version"] for project in PROJECTS}

    assert versions == dict.fromkeys(PROJECTS, PRODUCT_VERSION)
    assert __version__ == PRODUCT_VERSION


def imported(project: str) -> set[str]:
    """Top-level modules from elsewhere that any file of the project imports."""
    (package,) = pyproject(project)["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    modules = {name for path in (ROOT / project / package).rglob("*.py") for name in top_levels(path)}
    return modules - sys.stdlib_module_names - {package}


def top_levels(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def named(project: str) -> set[str]:
    """The distributions that the project depends on, in one spelling."""
    project_table = pyproject(project)["project"]
    return {normal(re.split(r"[\[<>=!~; ]", wanted)[0]) for wanted in project_table["dependencies"]}


def distributions(module: str) -> set[str]:
    """What may be installed to have `module`."""
    if module in OURS:
        return {OURS[module]}
    return {normal(name) for name in INSTALLED.get(module, [module])}


def pyproject(project: str) -> dict[str, Any]:
    return tomllib.loads((ROOT / project / "pyproject.toml").read_text(encoding="utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


INSTALLED = packages_distributions()
