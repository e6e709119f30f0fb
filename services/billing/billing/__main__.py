"""`python -m billing` serves; `python -m billing migrate` brings the database to the newest schema.

`mails` lists the mails to councils that were given up; `send-again [COUNCIL [MONTH]]` has them sent once more.
"""

import sys

from billing.app import build
from billing.mail_commands import mails, send_again
from billing.settings import BillingSettings
from shared.running.app import ServiceProgram
from shared.running.command import main

if __name__ == "__main__":
    main(
        ServiceProgram(
            package="billing",
            settings=BillingSettings,
            build=build,
            verbs={"mails": mails, "send-again": send_again},
        ),
        sys.argv[1:],
    )
