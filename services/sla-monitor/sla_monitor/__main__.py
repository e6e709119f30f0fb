"""`python -m sla_monitor` serves; `python -m sla_monitor migrate` brings the database to the newest schema."""

import sys

from shared.running.app import Service
from shared.running.command import main
from sla_monitor.app import build
from sla_monitor.settings import Settings

if __name__ == "__main__":
    main(Service(package="sla_monitor", settings=Settings, build=build), sys.argv[1:])
