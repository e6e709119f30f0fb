"""Real connections to a real server: nobody keeps others out, and what is no request is refused in our words."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from shared.auth.roles import Action
from shared.http import Json, JsonBody, create_app, requires
from shared.http.problems import PROBLEM_JSON
from shared.running.connections import ConnectionLimits
from shared.running.servers import server
from tests.support.callers import MAY_ALL

PATIENCE_S = 30.0
GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
HALF = b"GET /x HTTP/1.1\r\nHost: localhost\r\n"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def application() -> ASGIApp:
    routes = APIRouter(dependencies=[requires(Action.READ_FIGURES)])

    @routes.get("/x")
    def x(request: Request) -> Json:
        return Json({"host": request.headers["host"], "late": request.headers.get("x-late")})

    @routes.post("/x")
    async def post(body: JsonBody) -> Json:
        return Json(body)

    @routes.get("/large")
    def large() -> Response:
        return StreamingResponse(b"x" * 65_536 for _ in range(2_000))

    return create_app("Real", [routes], authentication=MAY_ALL, hosts={"localhost"})


@asynccontextmanager
async def listening(**limits: Any) -> AsyncIterator[int]:
    """The port of a real server."""
    with socket.create_server(("127.0.0.1", 0), backlog=2_048) as listener:
        made = server(application(), ConnectionLimits(**limits))
        task = asyncio.create_task(made.serve([listener]))
        while not made.started:  # noqa: ASYNC110 (uvicorn has no event for it)
            await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            made.should_exit = made.force_exit = True
            await task


OPENED: list[asyncio.StreamWriter] = []  # closed when the test has ended


async def connect(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    OPENED.append(writer)
    writer.write(sent)
    return reader, writer


async def close_all() -> None:
    while OPENED:
        writer = OPENED.pop()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_S)
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return Answer(int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"])))


async def asked(port: int, sent: bytes) -> Answer:
    reader, _ = await connect(port, sent)
    return await read_answer(reader)


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What else came before the server closed the connection."""
    try:
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    except ConnectionResetError:
        return b""


def run(work: Callable[[int], Awaitable[None]], **limits: Any) -> None:
    async def serve_and_work() -> None:
        async with listening(**limits) as port, asyncio.timeout(PATIENCE_S):
            try:
                await work(port)
            finally:
                await close_all()

    asyncio.run(serve_and_work())


@pytest.mark.parametrize("begun", [b"", b"G", HALF], ids=["nothing", "a letter", "half a head"])
def test_connections_that_ask_nothing_keep_nobody_out(begun: bytes) -> None:
    async def work(port: int) -> None:
        held = [await connect(port, begun) for _ in range(520)]
        assert (await asked(port, GET)).status == 200
        # The oldest gave way; the newest can still finish what it began.
        assert b"HTTP/1.1 200" not in await ended(held[0][0])
        reader, writer = held[-1]
        writer.write(GET.removeprefix(begun))
        assert (await read_answer(reader)).status == 200

    run(work)


def test_connections_that_were_answered_and_stay_open_keep_nobody_out() -> None:
    async def work(port: int) -> None:
        held = [await connect(port, GET) for _ in range(100)]
        assert {(await read_answer(reader)).status for reader, _ in held} == {200}
        assert (await asked(port, GET)).status == 200

    run(work, most_waiting=20)


def test_a_head_that_does_not_end_is_refused_in_time_however_its_bytes_trickle() -> None:
    async def work(port: int) -> None:
        reader, writer = await connect(port, HALF)

        async def trickle() -> None:
            while not writer.is_closing():
                writer.write(b"X: y\r\n")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        answer = await read_answer(reader)
        trickling.cancel()
        assert (answer.status, json.loads(answer.body)["type"]) == (408, "/problems/request-timeout")
        assert await ended(reader) == b""

    run(work, head_s=0.5)


def test_a_connection_on_which_nothing_comes_ends_without_an_answer() -> None:
    async def work(port: int) -> None:
        reader, _ = await connect(port, b"")
        assert await ended(reader) == b""

    run(work, head_s=0.3)


def test_the_rest_of_a_body_that_nobody_reads_keeps_no_connection() -> None:
    async def work(port: int) -> None:
        head = b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
        reader, writer = await connect(port, head)
        assert (await read_answer(reader)).status == 404

        async def trickle() -> None:
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.05)

        trickling = asyncio.create_task(trickle())
        await ended(reader)
        trickling.cancel()

    run(work, head_s=0.5)


def test_a_client_that_does_not_read_its_answer_is_cut_off() -> None:
    async def work(port: int) -> None:
        _, writer = await connect(port, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport has it
        # One request at once: another is answered as soon as that one is gone.
        while (await asked(port, GET)).status == 503:  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.05)

    run(work, most_requests=1, unread_s=0.3)


def test_too_many_requests_at_once_are_refused_to_be_sent_again() -> None:
    async def work(port: int) -> None:
        slow = b"POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        reader, writer = await connect(port, slow)
        while (answer := await asked(port, GET)).status == 200:  # noqa: ASYNC110 (as above)
            await asyncio.sleep(0.01)
        assert (answer.status, answer.headers["retry-after"], answer.headers["content-type"]) == (
            503,
            "1",
            PROBLEM_JSON,
        )
        writer.write(b"{}")
        assert (await read_answer(reader)).status == 200
        assert (await asked(port, GET)).status == 200

    run(work, most_requests=1)


HOST = b"Host: localhost\r\n"
REFUSED = {
    "an unknown method": (b"FETCH /x HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "a tunnel": (b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST + b"\r\n", 501),
    "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a letter that no address has": (b"GET /\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a space in the target": (b"GET /x y HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a space before a colon": (b"GET /x HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
    "a folded header": (b"GET /x HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n", 400),
    "a null in a header": (b"GET /x HTTP/1.1\r\n" + HOST + b"X: a\0b\r\n\r\n", 400),
    "two lengths": (b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "a length and chunks": (
        b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "a negative length": (b"POST /x HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n", 400),
    "no host": (b"GET /x HTTP/1.1\r\n\r\n", 400),
    "another host in the target": (b"GET http://evil.example/x HTTP/1.1\r\n" + HOST + b"\r\n", 421),
    "an endless address": (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    "an endless header": (b"GET /x HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 3_000_000 + b"\r\n\r\n", 431),
    "many headers": (b"GET /x HTTP/1.1\r\n" + HOST + b"X: y\r\n" * 100_000 + b"\r\n", 431),
    "a path that is a method": (b"TRACE /x HTTP/1.1\r\n" + HOST + b"\r\n", 405),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_request_is_refused_as_problem_details(name: str) -> None:
    sent, status = REFUSED[name]

    async def work(port: int) -> None:
        reader, _ = await connect(port, sent)
        answer = await read_answer(reader)
        assert (answer.status, answer.headers["content-type"]) == (status, PROBLEM_JSON)
        assert json.loads(answer.body)["status"] == status
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert len(answer.body) < 1_000
        assert (await asked(port, GET)).status == 200

    run(work)


def test_what_follows_a_refusal_on_the_same_connection_is_not_read() -> None:
    async def work(port: int) -> None:
        reader, _ = await connect(port, b"GET /x HTTP/1.1\r\nHost : localhost\r\n\r\n" + GET)
        assert (await read_answer(reader)).status == 400
        assert await ended(reader) == b""

    run(work)


def test_a_target_with_its_own_host_counts_before_the_header() -> None:
    async def work(port: int) -> None:
        answer = await asked(port, b"GET http://localhost/x HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        assert (answer.status, json.loads(answer.body)["host"]) == (200, "localhost")

    run(work)


def test_what_follows_a_body_is_no_header() -> None:
    async def work(port: int) -> None:
        sent = b"GET /x HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Late: yes\r\n\r\n"
        assert json.loads((await asked(port, sent)).body)["late"] is None

    run(work)


def test_many_requests_go_over_one_connection_also_without_waiting_for_their_answers() -> None:
    async def work(port: int) -> None:
        reader, writer = await connect(port, GET * 5)
        assert [(await read_answer(reader)).status for _ in range(5)] == [200] * 5
        writer.write(GET)
        assert (await read_answer(reader)).status == 200

    run(work, most_waiting=1)


def test_options_of_the_whole_server_are_answered() -> None:
    async def work(port: int) -> None:
        reader, _ = await connect(port, b"OPTIONS * HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        found = (await ended(reader)).decode()
        assert found.startswith("HTTP/1.1 204")
        assert "allow: GET, HEAD, OPTIONS, POST" in found

    run(work)


def test_an_upgrade_that_nobody_offers_is_answered_as_any_request() -> None:
    async def work(port: int) -> None:
        sent = b"GET /x HTTP/1.1\r\n" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        assert (await asked(port, sent)).status == 200

    run(work)
