"""`python -m tallystick.alert_receiver [PORT]`: prints each alert that Alertmanager sends, one line each.

The example of a receiver, to try out routes with. It answers 200 once an alert is printed, and keeps nothing.
"""

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from msgspec import Struct

PORT = 8080
LARGEST_BODY = 1_000_000  # some hundred alerts in one message


class ReceivedAlert(Struct):
    """An alert in Alertmanager's message (webhook version 4); it has further fields."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str]


class AlertMessage(Struct):
    """A message to one receiver, with the alerts of a group."""

    alerts: list[ReceivedAlert]


def lines(path: str, body: bytes) -> list[str]:
    """One line of JSON an alert: where it was sent, what happened, where to read on. Raises `msgspec.DecodeError`."""
    message = msgspec.json.decode(body, type=AlertMessage)
    return [
        json.dumps({"sent_to": path, "status": each.status, **each.labels, **each.annotations}, ensure_ascii=False)
        for each in message.alerts
    ]


class AlertHandler(BaseHTTPRequestHandler):
    """Answers Alertmanager's POST."""

    timeout = 10

    def do_POST(self) -> None:
        """The alerts of the message are printed."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            for line in lines(self.path, self.rfile.read(length)):
                sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        except msgspec.DecodeError:
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        self._answer(HTTPStatus.OK)

    def log_message(self, format: str, *args: object) -> None:
        """Requests are not logged: the alerts are."""

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def server(port: int) -> ThreadingHTTPServer:
    """A receiver at every address of this machine; port 0 chooses a free one."""
    return ThreadingHTTPServer(("", port), AlertHandler)


if __name__ == "__main__":
    server(int(sys.argv[1]) if len(sys.argv) > 1 else PORT).serve_forever()
