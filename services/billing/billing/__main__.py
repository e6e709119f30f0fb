"""`python -m billing` serves; `python -m billing migrate` brings the database to the newest schema."""

import sys

from billing.app import build
from billing.settings import Settings
from shared.running.app import Service
from shared.running.command import main

if __name__ == "__main__":
    main(Service(package="billing", settings=Settings, build=build), sys.argv[1:])
