"""`python -m tests.chaos.failing_monitor`: the monitor of a release that cannot judge two of the tickets.

The product has no switch for this: the bug is planted in the process that this module starts.
"""

import sys
from typing import Any

from shared.running.app import ServiceProgram
from shared.running.command import main
from sla_monitor import app
from sla_monitor.domain.clock.verdict import evaluate
from sla_monitor.settings import MonitorSettings
from sla_monitor.store import items

MODULE = "tests.chaos.failing_monitor"
TICKETS = frozenset({"t3", "t33"})
# No release of Tallystick has this version, so the true one is another.
VERSION = "0.0.0"


def failing_evaluate(facts: Any, *, stream: Any, item: str, **about: Any) -> Any:
    """As `evaluate`, but for those tickets. Work of the same ids is judged."""
    if stream == "ticket" and item in TICKETS:
        raise ZeroDivisionError
    return evaluate(facts, stream=stream, item=item, **about)


if __name__ == "__main__":
    # Planted where the product looks them up.
    vars(items)["evaluate"] = failing_evaluate
    vars(app)["PRODUCT_VERSION"] = VERSION
    main(ServiceProgram(package="sla_monitor", settings=MonitorSettings, build=app.build), sys.argv[1:])
