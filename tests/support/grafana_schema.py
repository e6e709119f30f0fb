"""What Grafana's own published types say of a dashboard, by TypeScript's compiler, which npm fetches once.

Without npm the tests that need it are skipped, with a count in the summary; in CI it is a failure.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml
from filelock import FileLock

ROOT = Path(__file__).parents[2]
_TYPES = Path(__file__).with_name("grafana_types.ts")
_GRAFANA: str = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"][
    "image"
]
VERSION = _GRAFANA.partition(":")[2]
_TYPESCRIPT = "5.7.3"  # with which this version of the types was published
_OPTIONS = ("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext")
_LONGEST_S = 600


def faults(folder: Path, dashboards: Mapping[str, Mapping[str, Any]]) -> str:
    """What the compiler says of them; nothing where Grafana accepts all of it. `folder` is for its files."""
    modules = _modules()
    raw = f"{modules}/@grafana/schema/dist/esm/raw"
    constants = [
        f"export const d{place}: Accepted = {json.dumps(each)};" for place, each in enumerate(dashboards.values())
    ]
    source = folder / "dashboards.ts"
    source.write_text("\n".join([_TYPES.read_text(encoding="utf-8").replace("RAW/", f"{raw}/"), *constants]))
    (folder / "node_modules").symlink_to(modules)
    compiler = modules / "typescript" / "bin" / "tsc"
    ended = subprocess.run(
        [compiler, *_OPTIONS, "--moduleResolution", "bundler", source],
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    return ended.stdout + ended.stderr


@cache
def _modules() -> Path:
    """The folder of the pinned packages, in the user's cache."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "tallystick" / f"grafana-schema-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if not (folder / "installed").exists():
            _install(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        _missing("no npm: Grafana's types cannot be fetched")
    packages = (f"@grafana/schema@{VERSION}", f"typescript@{_TYPESCRIPT}")
    ended = subprocess.run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, *packages],
        capture_output=True,
        text=True,
        timeout=_LONGEST_S,
        check=False,
    )
    if ended.returncode != 0:
        _missing(f"Grafana's types cannot be fetched: {ended.stderr.strip().splitlines()[-1:]}")
    (folder / "installed").touch()


def _missing(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs Grafana's types: {why}")
    pytest.skip(why)
