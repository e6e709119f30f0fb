"""`python -m sla_monitor` serves; `migrate` makes the schema the newest; `rebuild` computes live state anew."""

import sys

from shared.running.app import ServiceProgram
from shared.running.command import main
from sla_monitor.app import build
from sla_monitor.rebuild_command import rebuild
from sla_monitor.settings import MonitorSettings

if __name__ == "__main__":
    main(
        ServiceProgram(package="sla_monitor", settings=MonitorSettings, build=build, verbs={"rebuild": rebuild}),
        sys.argv[1:],
    )
