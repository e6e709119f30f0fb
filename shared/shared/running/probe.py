"""`python -m shared.running.probe`: ends with 0 when the service in this container is ready, with 1 when it is not.

For containers' health checks: slim images have nothing else that speaks HTTP.
"""

import os
import sys
from http.client import HTTPConnection

_PATIENCE_S = 8.0


def is_ready(port: int) -> bool:
    """Whether the service whose admin port this is says so."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if is_ready(int(os.environ["ADMIN_PORT"])) else 1)
