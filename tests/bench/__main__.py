"""Says what it runs on, and runs every bench module or those that are named: each `run()` prints a small table."""

import sys
from importlib import import_module
from pkgutil import iter_modules

from tests import bench
from tests.support import servers
from tests.support.interpreter import described, this_build


def main(wanted: list[str]) -> int:
    """0 when every wanted module ran; 2 when one does not exist."""
    names = sorted(module.name for module in iter_modules(bench.__path__) if not module.name.startswith("_"))
    unknown = sorted(set(wanted) - set(names))
    if unknown:
        sys.stderr.write(f"no such bench: {', '.join(unknown)}; there are {', '.join(names)}\n")
        return 2
    images = ", ".join([servers.KAFKA, servers.REDIS, servers.POSTGRES])
    sys.stdout.write("\n".join([*described(this_build()), f"servers, where a bench needs them: {images}", "", ""]))
    for name in wanted or names:
        import_module(f"tests.bench.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
