"""What is logged is one line, and holds neither local variables nor what they hold."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from shared.running.logs import OneLineEvery, configure_logs

SECRET = "bearer-1f9c"  # noqa: S105 (stands for a header that must not be logged)


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Where logs go, configured for the test and put back afterwards."""
    handlers, level = logging.root.handlers[:], logging.root.level
    stream = io.StringIO()
    configure_logs("info", stream=stream)
    yield stream
    structlog.reset_defaults()
    logging.root.handlers[:], logging.root.level = handlers, level


def fail_with(authorization: str) -> None:
    headers = {"authorization": authorization}
    raise RuntimeError(f"{len(headers)} header")


def test_a_failure_is_one_line_with_its_place_and_without_local_variables(output: io.StringIO) -> None:
    try:
        fail_with(SECRET)
    except RuntimeError:
        structlog.get_logger().exception("request.failed")

    (line,) = output.getvalue().splitlines()
    assert json.loads(line)["event"] == "request.failed"
    assert "fail_with" in json.loads(line)["exception"]
    assert SECRET not in line


def test_libraries_log_from_warnings_on_and_in_the_same_form(output: io.StringIO) -> None:
    logging.getLogger("aiokafka").info("joined")
    logging.getLogger("aiokafka").warning("lost a broker")

    (line,) = output.getvalue().splitlines()
    assert json.loads(line) | {"timestamp": ""} == {
        "event": "lost a broker",
        "level": "warning",
        "logger": "aiokafka",
        "timestamp": "",
    }


def test_of_kafkas_client_a_line_a_minute_is_kept_which_says_how_many_were_not() -> None:
    at = iter([0.0, 0.0, 0.1, 59.9, 60.0, 60.0, 120.5, 120.5])
    limited = OneLineEvery(60.0, now=lambda: next(at))
    lines = [
        logging.LogRecord("aiokafka.client", logging.ERROR, "", 0, "node %d is away", (number,), None)
        for number in range(5)
    ]

    kept = [line.getMessage() for line in lines if limited.filter(line)]

    assert kept == ["node 0 is away", "node 3 is away (after 2 lines that were left out)", "node 4 is away"]


def test_all_that_others_log_is_kept(output: io.StringIO) -> None:
    for _ in range(3):
        logging.getLogger("sqlalchemy.pool").warning("slow")
        structlog.get_logger().info("shard.resumed")

    assert len(output.getvalue().splitlines()) == 6
