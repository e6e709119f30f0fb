"""`python -m sla_monitor` serves; `migrate` brings the schema up to date; `rebuild` computes live state again."""

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
