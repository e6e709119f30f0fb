"""Runs every bench module, or those that are named: each has a `run()` that prints a small table."""

import sys
from importlib import import_module
from pkgutil import iter_modules

from tests import bench


def main(wanted: list[str]) -> int:
    """0 when every wanted module ran; 2 when one does not exist."""
    names = sorted(module.name for module in iter_modules(bench.__path__) if not module.name.startswith("_"))
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        sys.stderr.write(f"no such bench: {', '.join(unknown)}; there are {', '.join(names)}\n")
        return 2
    for name in wanted or names:
        import_module(f"tests.bench.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
