"""Says what it runs on, starts the servers, and prints every figure beside one that was measured in the same run."""

import sys
from importlib import import_module

from tests.bench_stack.environment import bench_environment
from tests.support.interpreter import described, this_build

PARTS = ("judging", "growth", "ingest", "explain")


def main(wanted: list[str]) -> int:
    """0 when every wanted part ran; 2 when one does not exist."""
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        sys.stderr.write(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}\n")
        return 2
    sys.stdout.write("\n".join([*described(this_build()), ""]))
    for name in wanted or PARTS:
        with bench_environment() as servers:
            sys.stdout.write(f"\n{name}, on {servers.versions()}\n")
            sys.stdout.flush()
            import_module(f"tests.bench_stack.{name}").run(servers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
