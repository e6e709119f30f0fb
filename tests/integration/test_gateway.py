"""The real nginx before the three services: each of their routes is reached, nothing else is, and refusals are ours."""

import asyncio
import json
import re
import socket
import ssl
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from shared.http import create_app
from shared.running.servers import server
from shared.web.pages import problem_page
from tallystick.stack import open_stack
from tests.support.callers import MAY_ALL
from tests.support.servers import free_port, require_docker
from tests.support.service_process import eventually

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
CONF = (ROOT / "deploy" / "nginx" / "nginx.conf").read_text(encoding="utf-8")
IMAGE = "nginx:1.26"
_CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
NOT_REACHED = (
    "/metrics /metrics/ /%6detrics //metrics /livez /readyz /openapi.json /v1/quarantine /gateway-problem/json"
)
UPSTREAMS = {"catalogue": "catalogue", "sla-monitor": "monitor", "billing": "billing"}
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
# A public page of every service: any of them may answer it.
SHARED = {"/accessibility", "/assets/{name}", "/licences", "/problems/{slug}"}


class Gateway:
    """The gateway's ports, and the applications behind it by the names of their services."""

    def __init__(self, port: int, tls_port: int) -> None:
        self.port, self.tls_port = port, tls_port
        self.apps: dict[str, FastAPI] = {}

    def ask(self, method: str, path: str, **headers: str) -> tuple[HTTPResponse, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer, content

    def send(self, raw: bytes) -> str:
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(raw)
            received = b""
            with suppress(ConnectionResetError):
                while part := connection.recv(65_536):
                    received += part
        return received.decode()


def methods(app: FastAPI) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for context in iter_route_contexts(app.routes):
        if context.path_format and context.methods:
            found.setdefault(context.path_format, set()).update(context.methods)
    return found


def example_of(path: str) -> str:
    return re.sub(r"\{\w+\}", "a", path)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    require_docker()
    folder = tmp_path_factory.mktemp("gateway")
    made = Gateway(free_port(), free_port())
    ports = {name: free_port() for name in UPSTREAMS}
    with services(folder / "var", made, ports), nginx(folder, made, ports):
        yield made


@contextmanager
def services(folder: Path, made: Gateway, ports: dict[str, int]) -> Iterator[None]:
    """The public servers of the three services, each on its port."""
    stop, ready = threading.Event(), threading.Event()

    async def serve() -> None:
        async with open_stack(folder) as stack:
            servers = []
            for app in (stack.catalogue, stack.monitor, stack.billing):
                made.apps[app.name] = create_app(
                    app.title,
                    app.public_routes(illustrative=True),
                    authentication=MAY_ALL,
                    types=app.types,
                    openapi_url=None,
                    hosts={"127.0.0.1"},
                    problem_page=problem_page,
                )
                listener = socket.create_server(("127.0.0.1", ports[app.name]))
                each = server(made.apps[app.name])
                servers.append((each, asyncio.create_task(each.serve([listener])), listener))
            ready.set()
            await asyncio.to_thread(stop.wait)
            for each, task, listener in servers:
                each.should_exit = True
                await task
                listener.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(120)
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def nginx(folder: Path, made: Gateway, ports: dict[str, int]) -> Iterator[None]:
    """The configuration as it is deployed, but for where services and gateway are on this machine."""
    conf = CONF.replace("listen 8080;", f"listen 127.0.0.1:{made.port};")
    for name, variable in UPSTREAMS.items():
        line = f"set ${variable} http://{name}:8080;"
        assert line in conf
        conf = conf.replace(line, f"set ${variable} http://127.0.0.1:{ports[name]};")
    (folder / "nginx.conf").write_text(conf, encoding="utf-8")
    tls = folder / "tls"
    tls.mkdir()
    example = (ROOT / "deploy" / "nginx" / "tls.conf.example").read_text(encoding="utf-8")
    (tls / "tls.conf").write_text(example.replace("8443", f"127.0.0.1:{made.tls_port}"), encoding="utf-8")
    subprocess.run(
        [*_CERTIFICATE, "-keyout", tls / "key.pem", "-out", tls / "certificate.pem"],
        check=True,
        capture_output=True,
    )
    (tls / "key.pem").chmod(0o644)
    name = f"tallystick-gateway-{uuid.uuid4().hex[:8]}"
    mounts = {folder / "nginx.conf": "/etc/nginx/nginx.conf", tls: "/etc/nginx/tls", ROOT / "docs": "/srv/docs"}
    volumes = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
    run = ["docker", "run", "--detach", "--rm", "--name", name, "--network=host", "--user=10001:10001"]
    subprocess.run(
        [*run, "--read-only", "--tmpfs=/tmp", "--entrypoint=nginx", *volumes, IMAGE, "-g", "daemon off;"],
        check=True,
        capture_output=True,
    )
    try:
        eventually(lambda: _answers(made))
        yield
    finally:
        subprocess.run(["docker", "rm", "--force", name], check=False, capture_output=True)


def _answers(made: Gateway) -> bool:
    try:
        return made.ask("GET", "/docs/README.md")[0].status == 200
    except OSError:
        return False


@pytest.mark.parametrize("name", UPSTREAMS)
def test_every_route_of_every_service_is_reached_through_the_gateway(gateway: Gateway, name: str) -> None:
    routes = {path: found for path, found in methods(gateway.apps[name]).items() if path not in SHARED}
    described = set(gateway.apps[name].openapi()["paths"])
    assert described <= routes.keys() | SHARED
    wrong = {}
    for path, expected in routes.items():
        answer, _ = gateway.ask("OPTIONS", example_of(path))
        allowed = set((answer.getheader("Allow") or "").split(", ")) - {"HEAD", "OPTIONS"}
        # An example may fit another route of the service, too: `/keys/new` is also `/keys/{id}`.
        if answer.status != 204 or not expected <= allowed:
            wrong[path] = (answer.status, allowed)

    assert len(routes) > 5
    assert wrong == {}


@pytest.mark.parametrize("path", ["/licences", "/accessibility", "/problems/not-found", "/docs/runbooks/StoreDown.md"])
def test_what_all_services_share_is_reached(gateway: Gateway, path: str) -> None:
    assert gateway.ask("GET", path)[0].status == 200


@pytest.mark.parametrize(
    "path",
    [*NOT_REACHED.split(), "/docs/", "/docs/../deploy/up.sh", "/docs/%2e%2e/nginx.conf.md"],
)
def test_what_is_for_those_who_run_the_services_is_not_reached(gateway: Gateway, path: str) -> None:
    answer, content = gateway.ask("GET", path)

    assert answer.status == 404
    assert answer.getheader("Content-Type") == "application/problem+json"
    assert json.loads(content)["status"] == 404


def test_the_way_home_stays_on_the_server(gateway: Gateway) -> None:
    answer, _ = gateway.ask("GET", "/", Host="127.0.0.1")

    assert (answer.status, answer.getheader("Location")) == (302, "/attainment")


def test_another_name_is_refused_by_the_services(gateway: Gateway) -> None:
    assert gateway.ask("GET", "/licences", Host="evil.example")[0].status == 421


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /licences HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 414),
        (b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /licences HTTP/1.1\r\n\r\n", 400),
        (b"POST /v1/try/target HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9000000\r\n\r\n", 413),
        (b"FETCH /licences HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", 501),
    ],
    ids=["head", "address", "version", "TLS", "no host", "body", "method"],
)
def test_what_the_gateway_refuses_is_problem_details(gateway: Gateway, raw: bytes, status: int) -> None:
    head, _, content = gateway.send(raw).partition("\r\n\r\n")

    assert head.startswith(f"HTTP/1.1 {status} ")
    assert "application/problem+json" in head
    assert "nosniff" in head
    assert json.loads(content)["status"] == status


def test_a_browser_reads_what_the_gateway_refuses_as_a_page(gateway: Gateway) -> None:
    answer, content = gateway.ask("GET", "/metrics", Accept=BROWSER)

    assert (answer.status, answer.getheader("Content-Type")) == (404, "text/html; charset=utf-8")
    assert "<h1>Not found</h1>" in content


def test_over_tls_browsers_are_kept_on_it(gateway: Gateway) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for path in ("/licences", "/metrics", "/docs/README.md"):
        connection = HTTPSConnection("127.0.0.1", gateway.tls_port, context=context, timeout=30)
        connection.request("GET", path)
        assert connection.getresponse().getheader("Strict-Transport-Security") == "max-age=31536000"
        connection.close()
        assert gateway.ask("GET", path)[0].getheader("Strict-Transport-Security") is None


def test_the_headers_of_the_services_come_through_once(gateway: Gateway) -> None:
    answer, _ = gateway.ask("GET", "/licences")

    for name in ("Content-Security-Policy", "X-Content-Type-Options", "Cache-Control"):
        assert len(answer.headers.get_all(name, [])) == 1
    assert answer.getheader("Server") == "nginx"
