"""`python -m billing` serves; `python -m billing migrate` brings the database to the newest schema."""

import sys

from billing.app import build
from billing.settings import BillingSettings
from shared.running.app import ServiceProgram
from shared.running.command import main

if __name__ == "__main__":
    main(ServiceProgram(package="billing", settings=BillingSettings, build=build), sys.argv[1:])
