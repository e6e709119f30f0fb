"""`python -m sla_monitor` serves; `migrate` makes the schema the newest; `rebuild` computes live state anew."""

import sys

from shared.running.app import Service
from shared.running.command import main
from sla_monitor.app import build
from sla_monitor.rebuild import rebuild
from sla_monitor.settings import Settings

if __name__ == "__main__":
    main(Service(package="sla_monitor", settings=Settings, build=build, verbs={"rebuild": rebuild}), sys.argv[1:])
