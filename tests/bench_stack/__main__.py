"""Starts the servers, and prints every figure with its ratio to one that was measured in the same run."""

import sys
from importlib import import_module

from tests.bench_stack.environment import bench_environment

PARTS = ("judging", "growth", "ingest")


def main(wanted: list[str]) -> int:
    """0 when every wanted part ran; 2 when one does not exist."""
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        sys.stderr.write(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}\n")
        return 2
    for name in wanted or PARTS:
        with bench_environment() as servers:
            import_module(f"tests.bench_stack.{name}").run(servers)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
