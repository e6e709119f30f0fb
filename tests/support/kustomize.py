"""What deploy/kubernetes builds, by the real kustomize, which Go compiles once for this machine.

Without Go the tests that need it are skipped, with a count in the summary; in CI a missing kustomize is a failure.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from filelock import FileLock

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
# What can be installed: the overlays, and the folder to copy, which has all optional components.
INSTALLED = ("overlays/one-node", "overlays/production", "your-site")
VERSION = "v5.8.1"  # compiles with Go 1.24; v5.8.3 asks for 1.27
_MODULE = f"sigs.k8s.io/kustomize/kustomize/v5@{VERSION}"
_LONGEST_S = 600
Manifest = dict[str, Any]


@cache
def manifests(folder: str) -> list[Manifest]:
    """Everything that `kubectl apply -k` of the folder would create."""
    built = subprocess.run([_kustomize(), "build", KUBERNETES / folder], capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return list(yaml.safe_load_all(built.stdout))


def of_kind(folder: str, *kinds: str) -> dict[str, Manifest]:
    """Those of some kinds, by name; of two kinds no two may share one."""
    found = [each for each in manifests(folder) if each["kind"] in kinds]
    named = {each["metadata"]["name"]: each for each in found}
    assert len(named) == len(found), kinds
    return named


def pod_templates(folder: str) -> dict[str, Manifest]:
    """The template of the pods of each workload, by the workload's name."""
    found: dict[str, Manifest] = {}
    for name, each in of_kind(folder, "Deployment", "Job").items():
        found[name] = each["spec"]["template"]
    for name, each in of_kind(folder, "CronJob").items():
        found[name] = each["spec"]["jobTemplate"]["spec"]["template"]
    return found


def containers(template: Manifest) -> Iterator[Manifest]:
    """Every container of a pod, those first that run before the others."""
    yield from template["spec"].get("initContainers", [])
    yield from template["spec"]["containers"]


def trial_scripts(folder: Path) -> Path:
    """Where secrets.sh and databases.sh are in a copy of their own, which makes and keeps its own passwords."""
    kept = ("secrets.sh", "postgres/init.sql", "kubernetes/secrets.sh", "kubernetes/databases.sh")
    for name in kept:
        (folder / "deploy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "deploy" / name, folder / "deploy" / name)
    return folder / "deploy" / "kubernetes"


@cache
def _kustomize() -> Path:
    """The pinned kustomize, compiled into the user's cache if it is not there."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "tallystick" / f"kustomize-{VERSION}"
    program = folder / "kustomize"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock"):
            if not program.exists():
                _install(folder)
    return program


def _install(folder: Path) -> None:
    go = shutil.which("go")
    if go is None:
        _missing("no Go: kustomize cannot be compiled")
    ended = subprocess.run(
        [go, "install", _MODULE],
        env=os.environ | {"GOBIN": str(folder / "new")},
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    if ended.returncode != 0:
        _missing(f"kustomize cannot be compiled: {ended.stderr.strip().splitlines()[-1:]}")
    (folder / "new" / "kustomize").replace(folder / "kustomize")  # whole, for workers that look without the lock


def _missing(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs kustomize: {why}")
    pytest.skip(why)
